"""The process environment; no other module of the embedded stack reads it."""

from __future__ import annotations

import os
from pathlib import Path

# Servers may read any variable as a setting (Milvus) or as a JVM option, so they get only these.
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
    """Return the environment of a supervised process: the essentials, and one thread for numeric libraries."""
    return {name: os.environ[name] for name in ESSENTIAL if name in os.environ} | ONE_THREAD


def settings_environment() -> dict[str, str]:
    """Return the user's settings in the environment: Lifelong's processes inherit them, the servers do not."""
    return {name: value for name, value in os.environ.items() if name.startswith("LIFELONG_")}


def installer_environment() -> dict[str, str]:
    """Return the environment of a package installer: everything (proxies, indexes, certificates) but the virtualenv."""
    return {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}


def user_cache_dir() -> Path:
    """Return the cache that all data directories share: ``$XDG_CACHE_HOME/lifelong``, or below the home directory."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "lifelong"
