"""Co-occurring items: bounded rows of neighbours and weights, as arrays that a batch of queries can gather."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Floats = NDArray[np.float32]


class Neighbours:
    """For each item, up to `width` others with a positive weight; a new one replaces the weakest.

    `ids` is int32 `[items, width]`, `weights` float32 `[items, width]`; a free slot weighs 0.

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
        """Make room for `capacity` items; existing rows stay."""
        more = capacity - len(self.ids)
        self.ids = np.concatenate([self.ids, np.zeros((more, self.width), np.int32)])
        self.weights = np.concatenate([self.weights, np.zeros((more, self.width), np.float32)])

    def replace(self, item: int, others: Ints, weights: Floats) -> None:
        """Replace the item's neighbours by these; the first `width` are kept."""
        size = min(len(others), self.width)
        self.ids[item, :size] = others[:size]
        self.weights[item, :size] = weights[:size]
        self.weights[item, size:] = 0.0

    def changes(self, item: int, others: Ints, weights: Floats, scratch: Floats) -> tuple[Ints, Floats]:
        """Return the neighbours whose weight `replace` would change, and the new weights; 0 for those that it removes.

        `scratch` is float32 `[items]`, all zero before and after.
        """
        slots = self.weights[item].nonzero()[0]
        old = self.ids[item, slots]
        scratch[old] = self.weights[item, slots]
        changed = scratch[others] != weights
        scratch[old] = 1.0
        scratch[others] = 0.0
        removed = old[scratch[old] > 0.0]
        scratch[old] = 0.0
        if not len(removed):
            return others[changed], weights[changed]
        zeros = np.zeros(len(removed), np.float32)
        return np.concatenate([others[changed], removed]), np.concatenate([weights[changed], zeros])

    def tell(self, others: Ints, item: int, weights: Floats) -> None:
        """Give each of `others` (no duplicates) the neighbour `item` with this weight; full rows keep the strongest."""
        current = self.weights[others]
        matches = (self.ids[others] == item) & (current > 0.0)
        slot, rows = matches.argmax(axis=1), np.arange(len(others))
        present = matches[rows, slot]
        if not present.all():
            slot = np.where(present, slot, current.argmin(axis=1))
        written = present | (weights > current[rows, slot])
        self.ids[others[written], slot[written]] = item
        self.weights[others[written], slot[written]] = weights[written]
