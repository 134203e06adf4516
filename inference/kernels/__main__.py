"""Compiles the kernels ahead, so that processes load them: ``python -m inference.kernels DIRECTORY``."""

from __future__ import annotations

import sys
from pathlib import Path

from inference.kernels.compiler import compile_kernels

if __name__ == "__main__":
    compile_kernels(Path(sys.argv[1]))
