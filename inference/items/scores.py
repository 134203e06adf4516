"""Scores of items: sums over contributions, of all items where the catalogue is small, else of those concerned."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from inference.kernels.best_scores import best_scores
from inference.kernels.neighbour_sums import NeighbourArrays, neighbour_sums, neighbours_around

Numbers = NDArray[np.int64]
Doubles = NDArray[np.float64]
Bools = NDArray[np.bool_]

DENSE_ITEMS = 16_384
"""Up to so many items an array over all of them is faster than finding those that are concerned."""


def find(numbers: Numbers, items: NDArray[np.integer]) -> tuple[Numbers, Bools]:
    """Return the row of each of `items` among `numbers`, which ascend, and which are among them at all.

    >>> [part.tolist() for part in find(np.array([2, 5]), np.array([5, 3]))]
    [[1, 1], [True, False]]
    """
    if not len(numbers):
        return np.zeros(items.shape, np.int64), np.zeros(items.shape, np.bool_)
    rows = np.minimum(numbers.searchsorted(items), len(numbers) - 1)
    return rows, numbers[rows] == items


class ItemScores(Struct, frozen=True, kw_only=True):
    """Scores of the items `numbers`, ascending, and 0 of all others; without `numbers`, of all items by number.

    >>> ItemScores(numbers=np.array([2, 5]), values=np.array([0.3, 0.7])).at(np.array([5, 4])).tolist()
    [0.7, 0.0]
    """

    values: NDArray[np.floating]
    numbers: Numbers | None = None

    def at(self, items: Numbers) -> NDArray[np.floating]:
        """Return the score of each of these items, in their shape."""
        if self.numbers is None:
            return self.values.take(items) if len(self.values) else np.zeros(items.shape)
        rows, is_found = find(self.numbers, items)
        return np.where(is_found, self.values[rows], 0.0) if len(self.numbers) else np.zeros(items.shape)

    def times(self, factors: Doubles) -> ItemScores:
        """Return the scores, each multiplied by its item's factor, `[items]`."""
        own = factors[: len(self.values)] if self.numbers is None else factors[self.numbers]
        return ItemScores(values=self.values * own, numbers=self.numbers)

    def best(self, blocked: Bools, size: int) -> Numbers:
        """Return the item numbers of the `size` highest positive scores that are not blocked, best first; of equal ones
        the lower number first.

        >>> scores = ItemScores(values=np.array([0.2, 0.0, 0.9, 0.4]))
        >>> scores.best(np.array([0, 0, 0, 1], np.bool_), 2).tolist()
        [2, 0]
        """
        return best_scores(self.values, self.numbers, blocked, size)

    @property
    def highest(self) -> float:
        """The highest score, 0 if none is positive."""
        return float(self.values.max(initial=0.0))


NO_SCORES = ItemScores(values=np.zeros(0), numbers=np.zeros(0, np.int64))


class Addends(Struct, frozen=True, kw_only=True):
    """Where contributions go: the position of each among the `size` sums, which are those of `numbers`."""

    positions: Numbers
    size: int
    numbers: Numbers | None

    def sum(self, contributions: Doubles) -> ItemScores:
        """Return the sums of the first `len(contributions)` contributions, flat, by item."""
        flat = contributions.ravel()
        sums = np.bincount(self.positions[: len(flat)], flat, minlength=self.size)[: self.size]
        return ItemScores(values=sums.astype(np.float64, copy=False), numbers=self.numbers)


class UserItems(NamedTuple):
    """Items of users, one user's after the other: `ends` is where each user's end, and `decays` their decays, float32:
    `[users]` both.
    """

    items: Numbers
    ends: Numbers
    decays: NDArray[np.float32]


class NeighbourFactors(NamedTuple):
    """By what weights of neighbours are multiplied, see `inference.kernels.neighbour_sums`."""

    shrink: np.float32
    by_rank: Doubles
    by_item: Doubles


class Summing:
    """Finds where contributions to items go. Where the catalogue is large, by marks instead of sorting: it costs what
    the contributions cost, and one pass over a byte per item.

    >>> addends = Summing(capacity=8).addends(np.array([5, 2, 5]), 6)
    >>> addends.sum(np.array([1.0, 1.0, 1.0])).at(np.array([5, 2, 0])).tolist()
    [2.0, 1.0, 0.0]
    """

    def __init__(self, *, capacity: int) -> None:
        self.grow(capacity)

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` items."""
        self._is_marked: Bools = np.zeros(capacity, np.bool_)
        self._position: Numbers = np.zeros(capacity, np.int64)

    def addends(self, items: NDArray[np.integer], size: int) -> Addends:
        """Return where contributions to `items`, in any shape, go in a table of `size` items."""
        flat = items.ravel().astype(np.int64, copy=False)
        if size <= DENSE_ITEMS:
            return Addends(positions=flat, size=max(1, size), numbers=None)
        self._is_marked[flat] = True
        numbers = self._is_marked.nonzero()[0]
        self._is_marked[numbers] = False
        self._position[numbers] = np.arange(len(numbers))
        return Addends(positions=self._position[flat], size=len(numbers), numbers=numbers)

    def over_neighbours(
        self, kinds: tuple[NeighbourArrays, ...], users: UserItems, factors: NeighbourFactors, size: int
    ) -> list[list[ItemScores]]:
        """Return for each user the sums over the neighbours of their items, in a table of `size` items, as
        `inference.kernels.neighbour_sums` defines them.
        """
        if size <= DENSE_ITEMS:
            sums = neighbour_sums(kinds, users.items, users.ends, users.decays, *factors, None, size)
            return [[ItemScores(values=own) for own in of_user] for of_user in sums]
        scores, begin = [], 0
        for end, decay in zip(users.ends.tolist(), users.decays, strict=True):
            items, begin = users.items[begin:end], end
            numbers = neighbours_around(kinds, items[: factors.by_rank.shape[1]], size)
            self._position[numbers] = np.arange(len(numbers))
            own_end, own_decay = np.array([len(items)]), np.array([decay])
            [sums] = neighbour_sums(kinds, items, own_end, own_decay, *factors, self._position, len(numbers))
            scores.append([ItemScores(values=own, numbers=numbers) for own in sums])
        return scores
