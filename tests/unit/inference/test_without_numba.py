"""numba is an extra: without it the numpy versions of kernels rank."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HIDDEN = "import sys; sys.modules['numba'] = None; "
COMPILED = "from pathlib import Path; from inference.kernels.compiler import compile_kernels as c; "
NONE_COMPILED = "from inference.kernels.registry import KERNELS; assert not any(k.is_compiled for k in KERNELS); "


def test_without_numba_nothing_is_compiled(tmp_path: Path) -> None:
    code = f"{HIDDEN}{COMPILED}assert not c(Path({str(tmp_path)!r})); {NONE_COMPILED}import inference.recommender"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_importing_the_recommender_does_not_load_the_compiler() -> None:
    code = "import sys, inference.recommender; assert 'numba' not in sys.modules and 'llvmlite' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
