"""Tuning of Python's cycle collector: at its defaults it scans a worker's tables often and frees nothing."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

GC_THRESHOLD = (50_000, 20, 50)
"""Thresholds of the three generations, see `gc.set_threshold`."""


@contextmanager
def tuned_gc() -> Iterator[None]:
    """Collect cycles rarely within this context."""
    previous = gc.get_threshold()
    gc.set_threshold(*GC_THRESHOLD)
    try:
        yield
    finally:
        gc.set_threshold(*previous)
