"""Which items go with which: bounded rows of neighbours and weights, as arrays that a batch of queries can gather."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Floats = NDArray[np.float32]


class Neighbours:
    """For each item up to `width` others with a positive weight; the weakest one makes room.

    `ids` is int32 `[items, width]`, `weights` float32 `[items, width]`; a free place weighs 0.

    >>> follows = Neighbours(width=2, capacity=4)
    >>> follows.tell(np.array([0, 1], np.int32), 3, np.array([1.0, 2.0], np.float32))
    >>> int(follows.ids[1, 0]), float(follows.weights[1, 0])
    (3, 2.0)
    """

    def __init__(self, *, width: int, capacity: int) -> None:
        self.width = width
        self.ids: Ints = np.zeros((capacity, width), np.int32)
        self.weights: Floats = np.zeros((capacity, width), np.float32)

    def grow(self, capacity: int) -> None:
        """Make room for so many items; what is there stays."""
        more = capacity - len(self.ids)
        self.ids = np.concatenate([self.ids, np.zeros((more, self.width), np.int32)])
        self.weights = np.concatenate([self.weights, np.zeros((more, self.width), np.float32)])

    def replace(self, item: int, others: Ints, weights: Floats) -> None:
        """Give the item these neighbours in place of those that it had; the first `width` are kept."""
        size = min(len(others), self.width)
        self.ids[item, :size] = others[:size]
        self.weights[item, :size] = weights[:size]
        self.weights[item, size:] = 0.0

    def changes(self, item: int, others: Ints, weights: Floats, scratch: Floats) -> tuple[Ints, Floats]:
        """Which neighbours would weigh otherwise if `replace` came now, and what; those that left weigh 0.

        `scratch` is float32 `[items]`, all zero, and is left so.
        """
        held = self.weights[item]
        size = int(np.count_nonzero(held))
        known = self.ids[item, :size]
        scratch[known] = held[:size]
        moved = scratch[others] != weights
        scratch[known] = 1.0
        scratch[others] = 0.0
        gone = known[scratch[known] > 0.0]
        scratch[known] = 0.0
        if not len(gone):
            return others[moved], weights[moved]
        nothing = np.zeros(len(gone), np.float32)
        return np.concatenate([others[moved], gone]), np.concatenate([weights[moved], nothing])

    def tell(self, others: Ints, item: int, weights: Floats) -> None:
        """Tell each of `others` (no two the same) that `item` is its neighbour, with this weight."""
        theirs = self.weights[others]
        held = (self.ids[others] == item) & (theirs > 0.0)
        place, rows = held.argmax(axis=1), np.arange(len(others))
        known = held[rows, place]
        if not known.all():
            place = np.where(known, place, theirs.argmin(axis=1))
        keep = known | (weights > theirs[rows, place])
        self.ids[others[keep], place[keep]] = item
        self.weights[others[keep], place[keep]] = weights[keep]
