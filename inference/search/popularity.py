"""How often items were chosen within a window, and which are chosen more often than before.

A window is the half-life of `features.half_lives` that is nearest to it: its decayed count stands for the choices of
about that time. An item is trending by how far that count exceeds what the item's longer count would let one expect, in
standard deviations of a Poisson count, with one more choice expected than was: a single choice makes no trend.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.decay import DAY
from features.half_lives import POPULARITY_SECONDS
from inference.items.table import ItemTable
from inference.search.query import Window
from inference.signals.popularity import ItemPopularity

WINDOW_SECONDS: dict[Window, float] = {"hour": DAY / 24.0, "day": DAY, "week": 7.0 * DAY, "month": 30.0 * DAY}
BEFORE = 8.0
"""How many times as long as the window the time is at least from which the expectation comes."""
_SECONDS = np.array(POPULARITY_SECONDS)

Doubles = NDArray[np.float64]


def half_life_of(window: Window) -> int:
    """Return the index of the half-life that is nearest to a window, by ratio.

    >>> [POPULARITY_SECONDS[half_life_of(window)] / DAY for window in WINDOW_SECONDS]
    [0.05, 1.0, 10.0, 40.0]
    """
    return int(np.abs(np.log(_SECONDS / WINDOW_SECONDS[window])).argmin())


def decayed_counts(table: ItemTable, half_life: int, at: float) -> Doubles:
    """Return the decayed count of each item as of a time: float64 `[items]`."""
    logs = table.signal(ItemPopularity).log_counts[half_life, : len(table)]
    counts: Doubles = np.exp2(np.clip(logs - at / _SECONDS[half_life], -1_000.0, 100.0))
    return counts


def trend(table: ItemTable, window: Window, at: float) -> Doubles:
    """Return how far each item's count exceeds the expected one, in standard deviations: float64 `[items]`."""
    short = half_life_of(window)
    longer = min(int(np.searchsorted(_SECONDS, BEFORE * _SECONDS[short])), len(_SECONDS) - 1)
    expected = decayed_counts(table, longer, at) * (_SECONDS[short] / _SECONDS[longer])
    excess: Doubles = (decayed_counts(table, short, at) - expected) / np.sqrt(expected + 1.0)
    return excess
