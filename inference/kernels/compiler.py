"""Compiles the kernels with numba, where it is installed, into a cache of machine code. Nothing else imports numba."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inference.kernels.registry import KERNELS


def is_available() -> bool:
    """Return whether numba is installed; this does not import it."""
    return importlib.util.find_spec("numba") is not None


def compile_kernels(cache: Path) -> bool:
    """Run the compiled kernels in this process from now on; return False where numba is not installed.

    Machine code is kept in the directory `cache`, which is made if need be: compiling takes some seconds the first time
    and after a change of numba, of the code or of the processor, and else next to nothing.
    """
    if not is_available():
        return False
    for kernel in KERNELS:
        kernel.use(compiled(kernel.loops, kernel.signatures, cache))
    return True


def use_definitions() -> None:
    """Run the numpy versions in this process from now on."""
    for kernel in KERNELS:
        kernel.use(None)


def compiled(loops: Callable[..., Any], signatures: tuple[str, ...], cache: Path) -> Callable[..., Any]:
    """Return the loops, compiled for these argument types: they raise TypeError for any others."""
    import numba

    cache.mkdir(parents=True, exist_ok=True)
    numba.config.CACHE_DIR = str(cache)
    function: Callable[..., Any] = numba.njit(list(signatures), cache=True, fastmath=False, error_model="numpy")(loops)
    return function
