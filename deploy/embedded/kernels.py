"""The compiled kernels of ranking: machine code in the cache that all data directories share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

CACHE_VARIABLE = "NUMBA_CACHE_DIR"


def kernel_cache(cache: Path) -> Path:
    """Return the directory of machine code below a cache."""
    return cache / "kernels"


def begin_compiling(cache: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a process that compiles what is not in the cache, so that workers only load it; wait for it to end.

    If it fails, workers compile for themselves.
    """
    command = [sys.executable, "-m", "inference.kernels", str(kernel_cache(cache))]
    return subprocess.Popen(command, env=dict(environment), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
