"""The process environment: the one place of the embedded stack that reads it."""

from __future__ import annotations

import os
from pathlib import Path

# Servers take any variable for a setting (Milvus) or for a JVM option: they see only these.
ESSENTIAL = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TMPDIR", "TZ", "USER")
# Numeric libraries would start one thread per core in every process; here every process shares the same few cores.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "TORCH_NUM_THREADS": "1",
}


def child_environment() -> dict[str, str]:
    """What a supervised process inherits: the essentials, and one thread for numeric libraries."""
    return {name: os.environ[name] for name in ESSENTIAL if name in os.environ} | ONE_THREAD


def settings_environment() -> dict[str, str]:
    """The settings that the user has given by environment: our own programs get them too, the servers do not."""
    return {name: value for name, value in os.environ.items() if name.startswith("LIFELONG_")}


def installer_environment() -> dict[str, str]:
    """What a package installer inherits: everything (proxies, indexes, certificates) but our own virtualenv."""
    return {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}


def user_cache_dir() -> Path:
    """Where what was fetched is kept for all data directories: ``$XDG_CACHE_HOME/lifelong``, or below the home."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "lifelong"
