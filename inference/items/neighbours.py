"""Co-occurring items: bounded rows of neighbours and weights, as arrays that a batch of queries can gather."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.kernels.neighbour_sums import NeighbourArrays

Ints = NDArray[np.int32]
Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]

NO_ROW = 0
"""The row of items without neighbours: its weights stay 0."""


class Neighbours:
    """For each item, up to `width` others with a positive weight; a new one replaces the weakest.

    Only items with neighbours have a row. A free slot weighs 0.

    >>> follows = Neighbours(width=2, capacity=4)
    >>> follows.tell(np.array([0, 1], np.int32), 3, np.array([1.0, 2.0], np.float32))
    >>> [part.tolist() for part in follows.around(np.array([1, 2]))]
    [[[3, 0], [0, 0]], [[2.0, 0.0], [0.0, 0.0]]]
    """

    def __init__(self, *, width: int, capacity: int) -> None:
        self.width = width
        self._row: Ints = np.zeros(capacity, np.int32)
        self._ids: Ints = np.zeros((1, width), np.int32)
        self._weights: Floats = np.zeros((1, width), np.float32)
        self._rows = 1

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` items; existing rows stay."""
        self._row = np.concatenate([self._row, np.zeros(capacity - len(self._row), np.int32)])

    @property
    def arrays(self) -> NeighbourArrays:
        """The arrays that kernels read, as they are now."""
        return self._row, self._ids, self._weights

    def around(self, items: Numbers) -> tuple[Ints, Floats]:
        """Return the neighbours of these items and their weights, `[items, width]` both."""
        rows = self._row[items]
        return self._ids[rows], self._weights[rows]

    def rescale(self, factor: float) -> None:
        """Multiply all weights by a factor."""
        self._weights *= np.float32(factor)

    def replace(self, item: int, others: Ints, weights: Floats) -> None:
        """Replace the item's neighbours by these; the first `width` are kept."""
        size = min(len(others), self.width)
        if not size and self._row[item] == NO_ROW:
            return
        [row] = self._rows_of(np.array([item]))
        self._ids[row, :size] = others[:size]
        self._weights[row, :size] = weights[:size]
        self._weights[row, size:] = 0.0

    def changes(self, item: int, others: Ints, weights: Floats, scratch: Floats) -> tuple[Ints, Floats]:
        """Return the neighbours whose weight `replace` would change, and the new weights; 0 for those that it removes.

        `scratch` is float32 `[items]`, all zero before and after.
        """
        row = self._row[item]
        slots = self._weights[row].nonzero()[0]
        old = self._ids[row, slots]
        scratch[old] = self._weights[row, slots]
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
        own = self._rows_of(others)
        current = self._weights[own]
        matches = (self._ids[own] == item) & (current > 0.0)
        slot, each = matches.argmax(axis=1), np.arange(len(others))
        present = matches[each, slot]
        if not present.all():
            slot = np.where(present, slot, current.argmin(axis=1))
        written = present | (weights > current[each, slot])
        self._ids[own[written], slot[written]] = item
        self._weights[own[written], slot[written]] = weights[written]

    def _rows_of(self, items: NDArray[np.integer]) -> Ints:
        """Return the row of each of these items (no duplicates), a new one for those that have none."""
        rows: Ints = self._row[items]
        new = (rows == NO_ROW).nonzero()[0]
        if len(new):
            rows[new] = np.arange(self._rows, self._rows + len(new))
            self._rows += len(new)
            self._row[items[new]] = rows[new]
            if self._rows > len(self._ids):
                more = max(self._rows, len(self._ids) * 3 // 2) - len(self._ids)
                self._ids = np.concatenate([self._ids, np.zeros((more, self.width), np.int32)])
                self._weights = np.concatenate([self._weights, np.zeros((more, self.width), np.float32)])
        return rows
