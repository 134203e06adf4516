"""Co-occurring items: rows of neighbours and weights that take the room of what they hold."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]

NARROWEST = 4
"""The room of a row that begins, in neighbours; each time that it is full it doubles."""


class NeighbourRows(Struct, frozen=True):
    """The rows of several items one after the other: `ids` and `weights` `[all lengths]`, and the `lengths` of rows."""

    ids: Ints
    weights: Floats
    lengths: Numbers


class _Shelf:
    """Rows of one width: `ids` int32 and `weights` float32, `[rows, width]`; freed rows are used again."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.ids: Ints = np.zeros((0, width), np.int32)
        self.weights: Floats = np.zeros((0, width), np.float32)
        self._free: list[int] = []

    def allocate(self) -> int:
        """Return a row whose weights are all 0."""
        if not self._free:
            used = len(self.ids)
            more = max(16, used // 2)
            self.ids = np.concatenate([self.ids, np.zeros((more, self.width), np.int32)])
            self.weights = np.concatenate([self.weights, np.zeros((more, self.width), np.float32)])
            self._free = list(range(used + more - 1, used - 1, -1))
        return self._free.pop()

    def release(self, row: int) -> None:
        """Give the row back."""
        self.weights[row] = 0.0
        self._free.append(row)


class Neighbours:
    """For each item, up to `width` others with a positive weight; a new one replaces the weakest.

    A free slot of a row weighs 0. Rows are kept by width, so that an item costs what its neighbours cost.

    >>> follows = Neighbours(width=2, capacity=4)
    >>> follows.tell(np.array([0, 1], np.int32), 3, np.array([1.0, 2.0], np.float32))
    >>> [part.tolist() for part in follows.row(1)]
    [[3], [2.0]]
    """

    def __init__(self, *, width: int, capacity: int) -> None:
        self.width = width
        self._shelves = [_Shelf(size) for size in _widths(width)]
        self._shelf: NDArray[np.int8] = np.full(capacity, -1, np.int8)
        self._row: Ints = np.zeros(capacity, np.int32)

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` items; existing rows stay."""
        more = capacity - len(self._row)
        self._shelf = np.concatenate([self._shelf, np.full(more, -1, np.int8)])
        self._row = np.concatenate([self._row, np.zeros(more, np.int32)])

    def row(self, item: int) -> tuple[Ints, Floats]:
        """Return the item's neighbours and their weights, without free slots."""
        ids, weights = self.slots(item)
        taken = weights > 0.0
        return ids[taken], weights[taken]

    def weights_of(self, item: int, others: Numbers) -> Floats:
        """Return the weight of each of `others` among the item's neighbours, 0 for those that are none: `[others]`."""
        ids, weights = self.slots(item)
        matches: Floats = np.where(ids == others[:, None], weights, 0.0).sum(axis=1, dtype=np.float32)
        return matches

    def replace(self, item: int, others: Ints, weights: Floats) -> None:
        """Replace the item's neighbours by these; the first `width` are kept."""
        size = min(len(others), self.width)
        self._widen(item, size)
        ids, kept = self.slots(item)
        ids[:size] = others[:size]
        kept[:size] = weights[:size]
        kept[size:] = 0.0

    def changes(self, item: int, others: Ints, weights: Floats, scratch: Floats) -> tuple[Ints, Floats]:
        """Return the neighbours whose weight `replace` would change, and the new weights; 0 for those that it removes.

        `scratch` is float32 `[items]`, all zero before and after.
        """
        old, old_weights = self.row(item)
        scratch[old] = old_weights
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
        shelves = self._shelf[others]
        for index in np.unique(shelves).tolist():
            of_shelf = shelves == index
            full = self._tell_shelf(index, others[of_shelf], item, weights[of_shelf])
            for other, weight in full:
                self._widen(other, self._width_of(other) + 1)
                ids, kept = self.slots(other)
                slot = int(kept.argmin())
                ids[slot], kept[slot] = item, weight

    def _tell_shelf(self, index: int, others: Ints, item: int, weights: Floats) -> Iterator[tuple[int, float]]:
        """Tell those whose rows have room or cannot be wider; return the rest, whose rows must be wider first."""
        if index < 0:
            positive = weights > 0.0
            return zip(others[positive].tolist(), weights[positive].tolist(), strict=True)
        shelf, rows = self._shelves[index], self._row[others]
        current = shelf.weights[rows]
        matches = (shelf.ids[rows] == item) & (current > 0.0)
        slot, each = matches.argmax(axis=1), np.arange(len(others))
        present = matches[each, slot]
        slot = np.where(present, slot, current.argmin(axis=1))
        before = current[each, slot]
        widens = ~present & (before > 0.0) & (weights > 0.0) & (shelf.width < self.width)
        written = (present | (weights > before)) & ~widens
        shelf.ids[rows[written], slot[written]] = item
        shelf.weights[rows[written], slot[written]] = weights[written]
        return zip(others[widens].tolist(), weights[widens].tolist(), strict=True)

    def _width_of(self, item: int) -> int:
        index = self._shelf[item]
        return self._shelves[index].width if index >= 0 else 0

    def slots(self, item: int) -> tuple[Ints, Floats]:
        """Return the item's row with its free slots; callers must not write to it."""
        index = self._shelf[item]
        if index < 0:
            return np.zeros(0, np.int32), np.zeros(0, np.float32)
        shelf, row = self._shelves[index], self._row[item]
        return shelf.ids[row], shelf.weights[row]

    def _widen(self, item: int, size: int) -> None:
        """Move the item to a row of at least `size` slots."""
        if size <= self._width_of(item):
            return
        old_ids, old_weights = self.slots(item)
        former, former_row = int(self._shelf[item]), int(self._row[item])
        index = next(index for index, shelf in enumerate(self._shelves) if shelf.width >= size)
        row = self._shelves[index].allocate()
        self._shelves[index].ids[row, : len(old_ids)] = old_ids
        self._shelves[index].weights[row, : len(old_ids)] = old_weights
        self._shelf[item], self._row[item] = index, row
        if former >= 0:
            self._shelves[former].release(former_row)


def rows_of(items: Numbers, *kinds: Neighbours) -> NeighbourRows:
    """Return the rows of these items, of each item those of all kinds; rows may have slots that weigh 0."""
    parts = [kind.slots(item) for item in items.tolist() for kind in kinds]
    lengths = np.array([len(ids) for ids, _ in parts], np.int64).reshape(-1, len(kinds)).sum(axis=1)
    if not parts:
        return NeighbourRows(np.zeros(0, np.int32), np.zeros(0, np.float32), lengths)
    return NeighbourRows(
        np.concatenate([ids for ids, _ in parts]), np.concatenate([weights for _, weights in parts]), lengths
    )


def _widths(widest: int) -> list[int]:
    """Return the widths of rows.

    >>> _widths(10)
    [4, 8, 10]
    """
    widths = [NARROWEST]
    while widths[-1] < widest:
        widths.append(2 * widths[-1])
    return [*(width for width in widths if width < widest), widest]
