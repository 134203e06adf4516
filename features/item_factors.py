"""Learned item factors: the affinity of every item to a user's newest items.

affinity(item) = appeal(item) · direction + lean(item), where the direction is the discounted sum of the newest items'
tastes: asymmetric factors, which need nothing per user (Paterek, KDD Cup 2007; Koren, KDD 2008). An item's row, as
learned and as published, holds side by side its appeal (factors as a candidate), its taste (factors as part of a
history) and its lean (bias).
"""

from __future__ import annotations

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


def fading(steps: int) -> Floats:
    """Return the weights of the newest items, newest first, `[steps]`, a vector of length 1.

    >>> fading(1).tolist()
    [1.0]
    """
    weights = FACTOR_DECAY ** np.arange(steps)
    return (weights / np.sqrt(weights @ weights)).astype(np.float32)


def direction(tastes: Floats) -> Floats:
    """Return a user's direction, `[DIMENSIONS]`, from the tastes of their newest items, `[steps, DIMENSIONS]`, newest
    first.
    """
    if not len(tastes):
        return np.zeros(FACTOR_DIMENSIONS, np.float32)
    heading: Floats = fading(len(tastes)) @ tastes
    return heading


class ItemFactors:
    """The factors of every item by number; zero until they are put. Each kind is an array by itself, for fast products.

    >>> factors = ItemFactors(capacity=4)
    >>> factors.put([1], np.ones((1, FACTOR_WIDTH), np.float32))
    >>> factors.affinity(np.array([1]), 2).tolist()
    [0.0, 33.0]
    """

    def __init__(self, *, capacity: int) -> None:
        self.loaded = False
        """Whether any factors were put."""
        self._appeal: Floats = np.zeros((capacity, FACTOR_DIMENSIONS), np.float32)
        self._taste: Floats = np.zeros((capacity, FACTOR_DIMENSIONS), np.float32)
        self._lean: Floats = np.zeros(capacity, np.float32)

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` items; existing rows stay."""
        more = capacity - len(self._lean)
        self._appeal = np.concatenate([self._appeal, np.zeros((more, FACTOR_DIMENSIONS), np.float32)])
        self._taste = np.concatenate([self._taste, np.zeros((more, FACTOR_DIMENSIONS), np.float32)])
        self._lean = np.concatenate([self._lean, np.zeros(more, np.float32)])

    def put(self, numbers: list[int], rows: Floats) -> None:
        """Replace the rows of these items, `[numbers, WIDTH]`."""
        self.loaded = True
        indices = np.array(numbers, np.int64)
        self._appeal[indices] = rows[:, APPEAL]
        self._taste[indices] = rows[:, TASTE]
        self._lean[indices] = rows[:, LEAN][:, 0]

    def affinity(self, newest: NDArray[np.int64], size: int) -> Floats:
        """Return the affinity of each of the first `size` items to a user with these newest items: `[size]`, an array
        that callers must not write to.
        """
        newest = newest[:FACTOR_HISTORY]
        if not len(newest):
            return self._lean[:size]
        affinities: Floats = self._appeal[:size] @ direction(self._taste[newest]) + self._lean[:size]
        return affinities
