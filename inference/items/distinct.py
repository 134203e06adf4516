"""The distinct ones among many item numbers, found by marks instead of sorting."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Doubles = NDArray[np.float64]
Bools = NDArray[np.bool_]


class ItemScores(Struct, frozen=True, kw_only=True):
    """Scores of some items; all others score 0. `numbers` are ascending, `values` `[numbers]`.

    >>> ItemScores(numbers=np.array([2, 5]), values=np.array([0.3, 0.7])).at(np.array([5, 4])).tolist()
    [0.7, 0.0]
    """

    numbers: Numbers = np.zeros(0, np.int64)
    values: NDArray[np.floating] = np.zeros(0)

    def at(self, items: Numbers) -> NDArray[np.floating]:
        """Return the score of each of these items, in their shape."""
        if not len(self.numbers):
            return np.zeros(items.shape)
        index = np.minimum(self.numbers.searchsorted(items), len(self.numbers) - 1)
        return np.where(self.numbers[index] == items, self.values[index], 0.0)

    @property
    def highest(self) -> float:
        """The highest score, 0 if none is positive."""
        return float(self.values.max(initial=0.0))


class Distinct:
    """Marks by item number. Its cost is that of the numbers given and one pass over a byte per item.

    >>> distinct = Distinct(capacity=8)
    >>> [part.tolist() for part in distinct.of(np.array([5, 2, 5]))]
    [[2, 5], [1, 0, 1]]
    """

    def __init__(self, *, capacity: int) -> None:
        self.grow(capacity)

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` items."""
        self._is_marked: Bools = np.zeros(capacity, np.bool_)
        self._position: Numbers = np.zeros(capacity, np.int64)

    def of(self, items: NDArray[np.integer]) -> tuple[Numbers, Numbers]:
        """Return the distinct numbers, ascending, and the position of each of `items` among them."""
        self._is_marked[items] = True
        numbers = self._is_marked.nonzero()[0]
        self._is_marked[numbers] = False
        self._position[numbers] = np.arange(len(numbers))
        return numbers, self._position[items]

    def summed(self, items: NDArray[np.integer], contributions: Doubles) -> ItemScores:
        """Return the sum of each item's contributions."""
        numbers, positions = self.of(items)
        return ItemScores(numbers=numbers, values=summed_at(positions, contributions, len(numbers)))


def summed_at(positions: Numbers, contributions: Doubles, size: int) -> Doubles:
    """Return the sums of contributions by position: `[size]`."""
    return np.bincount(positions, contributions, minlength=size).astype(np.float64, copy=False)
