"""The collector's thresholds are tuned within the context and restored after it."""

from __future__ import annotations

import gc
from contextlib import suppress

from streams.worker.gc_tuning import GC_THRESHOLD, tuned_gc


def test_thresholds_come_back_also_after_an_error() -> None:
    usual, within = gc.get_threshold(), None
    with suppress(KeyError), tuned_gc():
        within = gc.get_threshold()
        raise KeyError
    assert (within, gc.get_threshold()) == (GC_THRESHOLD, usual)
