"""Learned item factors: what a person's newest items say of every item, and how an item does by itself.

affinity(item) = appeal(item) · direction + lean(item), where the direction is the faded sum of the newest items'
tastes: asymmetric factors, which need nothing per person (Paterek, KDD Cup 2007; Koren, KDD 2008). An item's row, as it
is learned and as it travels, holds its appeal, its taste and its lean, side by side.
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
"""Where in a row each of them is."""
FACTOR_HISTORY = 20
"""How many of a person's newest items say where they are heading."""
SPREAD = 0.01
"""How far from nothing appeals begin, before anything is learned of an item."""
FACTOR_DECAY = 0.9
"""What one step back weighs against the step after it."""

Floats = NDArray[np.float32]


def fading(steps: int) -> Floats:
    """Weights of the newest items, newest first, `[steps]`, of length 1.

    >>> fading(1).tolist()
    [1.0]
    """
    weights = FACTOR_DECAY ** np.arange(steps)
    return (weights / np.sqrt(weights @ weights)).astype(np.float32)


def direction(tastes: Floats) -> Floats:
    """Where a person is heading, `[DIMENSIONS]`, by the tastes of their newest items, `[steps, DIMENSIONS]`, newest
    first.
    """
    if not len(tastes):
        return np.zeros(FACTOR_DIMENSIONS, np.float32)
    heading: Floats = fading(len(tastes)) @ tastes
    return heading


class ItemFactors:
    """The factors of every item by number; zero until they are put. Each kind lies by itself, for fast products.

    >>> factors = ItemFactors(capacity=4)
    >>> factors.put([1], np.ones((1, FACTOR_WIDTH), np.float32))
    >>> factors.affinity(np.array([1]), 2).tolist()
    [0.0, 33.0]
    """

    def __init__(self, *, capacity: int) -> None:
        self.known = False
        """Whether any were put."""
        self._appeal: Floats = np.zeros((capacity, FACTOR_DIMENSIONS), np.float32)
        self._taste: Floats = np.zeros((capacity, FACTOR_DIMENSIONS), np.float32)
        self._lean: Floats = np.zeros(capacity, np.float32)

    def grow(self, capacity: int) -> None:
        """Make room for so many items; what is there stays."""
        more = capacity - len(self._lean)
        self._appeal = np.concatenate([self._appeal, np.zeros((more, FACTOR_DIMENSIONS), np.float32)])
        self._taste = np.concatenate([self._taste, np.zeros((more, FACTOR_DIMENSIONS), np.float32)])
        self._lean = np.concatenate([self._lean, np.zeros(more, np.float32)])

    def put(self, numbers: list[int], rows: Floats) -> None:
        """These items have these rows now, `[numbers, WIDTH]`."""
        self.known = True
        places = np.array(numbers, np.int64)
        self._appeal[places] = rows[:, APPEAL]
        self._taste[places] = rows[:, TASTE]
        self._lean[places] = rows[:, LEAN][:, 0]

    def affinity(self, newest: NDArray[np.int64], size: int) -> Floats:
        """How far each of the first `size` items lies where somebody with these newest items is heading: `[size]`, not
        to be written to.
        """
        newest = newest[:FACTOR_HISTORY]
        if not len(newest):
            return self._lean[:size]
        found: Floats = self._appeal[:size] @ direction(self._taste[newest]) + self._lean[:size]
        return found
