"""Kernels: pure functions of arrays that ranking runs for every list, each as numpy and as loops that numba compiles.

The numpy version is the definition; both return the same bits (`tests/unit/inference/test_kernels.py`). A process that
ranks calls `compiler.compile_kernels` before it is ready; without that, or without numba, the numpy versions run.
"""
