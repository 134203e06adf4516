"""Learned item factors: the affinity of every item to a user's newest items, as `features.item_factors` defines it.

An exact matrix product over the in-process mirror; it proposes nothing until factors have been loaded.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from features.item_factors import (
    APPEAL,
    FACTOR_DIMENSIONS,
    FACTOR_HISTORY,
    LEAN,
    TASTE,
    Floats,
    direction,
)
from inference.items.scores import ItemScores
from inference.items.table import Bools, ItemTable, Numbers, Signal
from inference.ranking_context import RankingContext, once_per_query
from inference.signals.columns import Block, FeatureGroup, RankingBatch, pick
from inference.signals.source import CandidateSource
from schemas.ids import ItemId


class Factors(Signal):
    """The factors of items that have learned ones; others have none, and the affinity 0.

    >>> from features.item_factors import FACTOR_WIDTH
    >>> factors = Factors(capacity=4)
    >>> factors.put([1], np.ones((1, FACTOR_WIDTH), np.float32))
    >>> factors.at(np.array([0, 1]), factors.affinity(np.array([1]))).tolist()
    [0.0, 33.0]
    """

    def __init__(self, *, capacity: int) -> None:
        self.numbers: Numbers = np.zeros(0, np.int64)
        """The item of each row of factors, ascending, `[rows]`."""
        self._row: NDArray[np.int32] = np.full(capacity, -1, np.int32)
        self._appeal: Floats = np.zeros((0, FACTOR_DIMENSIONS), np.float32)
        self._taste: Floats = np.zeros((0, FACTOR_DIMENSIONS), np.float32)
        self._lean: Floats = np.zeros(0, np.float32)

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` items; existing rows stay."""
        self._row = np.concatenate([self._row, np.full(capacity - len(self._row), -1, np.int32)])

    def load(self, table: ItemTable, ids: Sequence[ItemId], rows: Floats) -> None:
        """Take the newest learned factors, `[len(ids), FACTOR_WIDTH]`; other items keep theirs.

        Ids that have no number yet are passed over: nobody can be shown them.
        """
        known = [index for index, item in enumerate(ids) if item in table.number]
        self.put([table.number[ids[index]] for index in known], rows[known])

    def put(self, numbers: Sequence[int], rows: Floats) -> None:
        """Replace the factors of these items, `[numbers, FACTOR_WIDTH]`."""
        items = np.array(numbers, np.int64)
        self._add(items[self._row[items] < 0])
        own = self._row[items]
        self._appeal[own] = rows[:, APPEAL]
        self._taste[own] = rows[:, TASTE]
        self._lean[own] = rows[:, LEAN][:, 0]

    def _add(self, items: Numbers) -> None:
        """Add a row for each of these items; rows stay in the order of items."""
        if not len(items):
            return
        more = np.zeros((len(items), FACTOR_DIMENSIONS), np.float32)
        numbers = np.concatenate([self.numbers, items])
        order = numbers.argsort()
        self.numbers = numbers[order]
        self._row[self.numbers] = np.arange(len(numbers))
        self._appeal = np.concatenate([self._appeal, more])[order]
        self._taste = np.concatenate([self._taste, more])[order]
        self._lean = np.concatenate([self._lean, more[:, 0]])[order]

    def affinity(self, newest: Numbers) -> Floats:
        """Return the affinity of each row of factors to a user with these newest items: `[rows]`, an array that callers
        must not write to.
        """
        if not (self._row[newest[:FACTOR_HISTORY]] >= 0).any():
            return self._lean
        affinities: Floats = self._appeal @ self.direction(newest) + self._lean
        return affinities

    def direction(self, newest: Numbers) -> Floats:
        """Return the direction of a user with these newest items, `[FACTOR_DIMENSIONS]`; zero if none has factors."""
        rows = self._row[newest[:FACTOR_HISTORY]]
        is_learned = rows >= 0
        if not is_learned.any():
            return np.zeros(FACTOR_DIMENSIONS, np.float32)
        tastes = self._taste.take(rows, axis=0, mode="wrap")
        if not is_learned.all():
            tastes[~is_learned] = 0.0
        return direction(tastes)

    def learned(self, items: Numbers) -> tuple[Floats, Bools]:
        """Return the appeal and the lean of each item, float32 `[items, FACTOR_DIMENSIONS + 1]`, and whether there are
        any, bool `[items]`; zero where there are none.
        """
        rows = self._row[items]
        is_learned = rows >= 0
        known = np.zeros((len(items), FACTOR_DIMENSIONS + 1), np.float32)
        known[is_learned, :-1], known[is_learned, -1] = self._appeal[rows[is_learned]], self._lean[rows[is_learned]]
        return known, is_learned

    def at(self, items: Numbers, affinities: Floats) -> Floats:
        """Return the affinity of each of these items, in their shape."""
        rows = self._row[items]
        if not len(affinities):
            return np.zeros(rows.shape, np.float32)
        return np.where(rows >= 0, affinities[rows], np.float32(0.0))


@once_per_query
def affinity(context: RankingContext, table: ItemTable) -> Floats:
    """Return the affinity of items that have factors to the user's newest ones, `[rows]`."""
    return table.signal(Factors).affinity(context.recent)


def propose(context: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Return the items that lie furthest in the direction of the user's newest ones."""
    scores = ItemScores(numbers=table.signal(Factors).numbers, values=affinity(context, table))
    return scores.best(context.blocked, size)


def reason(context: RankingContext, table: ItemTable, item: int) -> str:
    """Return "close to your taste" if the user has chosen anything, else only that others choose the item."""
    if len(context.recent):
        return "close to your taste"
    return "others choose this" if table.count[item] else "hardly anybody knows this yet"


def fill(batch: RankingBatch) -> Block:
    """Return the affinity by learned factors."""
    return np.clip(pick(batch, _affinity_at), -8.0, 8.0)


def _affinity_at(context: RankingContext, table: ItemTable, items: Numbers) -> Floats:
    return table.signal(Factors).at(items, affinity(context, table))


FACTOR_SOURCE = CandidateSource(name="embeddings", propose=propose, size=40, reason=reason)
FACTOR_COLUMNS = FeatureGroup(group="affinity", names=("affinity",), fill=fill, initial={"affinity": 1.0})
