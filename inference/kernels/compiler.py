"""Compiles the kernels with numba, where it is installed, into a cache of machine code. Nothing else imports numba."""

from __future__ import annotations

import ctypes
import importlib.util
import logging
import mmap
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inference.kernels.registry import KERNELS

COMPILER_LIBRARY = "libllvmlite"
logger = logging.getLogger(__name__)


def is_available() -> bool:
    """Return whether numba is installed; this does not import it."""
    return importlib.util.find_spec("numba") is not None


def compile_kernels(cache: Path) -> bool:
    """Run the compiled kernels in this process from now on; return False where numba is not installed.

    Machine code is kept in the directory that `NUMBA_CACHE_DIR` names, else in `cache`, which is made if need be:
    compiling takes some seconds the first time and after a change of numba, of the code or of the processor, else a
    second. Where the directory cannot be written, it takes them at every start.
    """
    if not is_available():
        logger.info("numba is not installed: the numpy versions of kernels run")
        return False
    keeps = _keep_code_in(cache)
    for kernel in KERNELS:
        kernel.use(compiled(kernel.loops, kernel.signatures, keeps=keeps))
    _release_compiler()
    return True


def _keep_code_in(cache: Path) -> bool:
    """Have numba keep machine code in this directory, unless it has one; return False if neither can be written."""
    import numba

    config: Any = numba.config
    config.CACHE_DIR = config.CACHE_DIR or str(cache)
    try:
        os.makedirs(config.CACHE_DIR, exist_ok=True)
        if os.access(config.CACHE_DIR, os.W_OK):
            return True
        refusal = "it may not be written"
    except OSError as exc:
        refusal = str(exc)
    logger.warning(
        "machine code of kernels is not kept in %r, and is compiled at every start: %s", config.CACHE_DIR, refusal
    )
    return False


def compiled(loops: Callable[..., Any], signatures: tuple[str, ...], *, keeps: bool) -> Callable[..., Any]:
    """Return the loops, compiled for these argument types: they raise TypeError for any others."""
    import numba

    function: Callable[..., Any] = numba.njit(
        list(signatures),
        cache=keeps,
        fastmath=False,  # the same order of sums as numpy
        error_model="numpy",  # a division by zero is infinite, and loops with divisions use vector instructions
    )(loops)
    return function


def _release_compiler() -> None:
    """Give back the memory that the compiler's own code takes, some 50 MB: kernels do not need it once they are loaded.

    Its pages are the library's file, unchanged, and are read again if something is compiled after all.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    for line in Path("/proc/self/maps").read_text().splitlines():
        addresses, access, *_, path = line.split()
        if COMPILER_LIBRARY in path and access == "r-xp":
            begin, end = (int(address, 16) for address in addresses.split("-"))
            library.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), mmap.MADV_DONTNEED)
