"""Learned item factors: the affinity of every item to a user's newest items.

affinity(item) = appeal(item) · direction + lean(item), where the direction is the discounted sum of the newest items'
tastes: asymmetric factors, which need nothing per user (Paterek, KDD Cup 2007; Koren, KDD 2008). An item's row, as
learned and as published, holds side by side its appeal (factors as a candidate), its taste (factors as part of a
history) and its lean (bias).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

FACTOR_DIMENSIONS = 32
FACTOR_WIDTH = 2 * FACTOR_DIMENSIONS + 1
APPEAL, TASTE, LEAN = (
    slice(0, FACTOR_DIMENSIONS),
    slice(FACTOR_DIMENSIONS, 2 * FACTOR_DIMENSIONS),
    slice(2 * FACTOR_DIMENSIONS, FACTOR_WIDTH),
)
"""The columns of each in a row."""
FACTOR_HISTORY = 20
"""How many of a user's newest items the direction is computed from."""
SPREAD = 0.01
"""Standard deviation of initial appeals, before anything is learned of an item."""
FACTOR_DECAY = 0.9
"""Weight of each item relative to the next newer one."""

Floats = NDArray[np.float32]


@cache
def fading(steps: int) -> Floats:
    """Return the weights of the newest items, newest first, `[steps]`, a vector of length 1; read-only.

    >>> fading(1).tolist()
    [1.0]
    """
    weights = FACTOR_DECAY ** np.arange(steps)
    fading = (weights / np.sqrt(weights @ weights)).astype(np.float32)
    fading.flags.writeable = False
    return fading


def direction(tastes: Floats) -> Floats:
    """Return a user's direction, `[DIMENSIONS]`, from the tastes of their newest items, `[steps, DIMENSIONS]`, newest
    first.
    """
    if not len(tastes):
        return np.zeros(FACTOR_DIMENSIONS, np.float32)
    heading: Floats = fading(len(tastes)) @ tastes
    return heading
