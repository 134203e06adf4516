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
from inference.items.table import ItemTable, Numbers, Signal
from inference.ranking_context import RankingContext, once_per_query
from inference.signals.columns import Block, FeatureGroup, RankingBatch, pick
from inference.signals.source import CandidateSource, best, nothing
from schemas.ids import ItemId


class Factors(Signal):
    """The factors of every item by number; zero until they are put. Each kind is an array by itself, for fast products.

    >>> from features.item_factors import FACTOR_WIDTH
    >>> factors = Factors(capacity=4)
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

    def load(self, table: ItemTable, ids: Sequence[ItemId], rows: Floats) -> None:
        """Take the newest learned factors, `[len(ids), FACTOR_WIDTH]`; other items keep theirs.

        Ids that have no number yet are passed over: nobody can be shown them.
        """
        known = [index for index, item in enumerate(ids) if item in table.number]
        self.put([table.number[ids[index]] for index in known], rows[known])

    def put(self, numbers: list[int], rows: Floats) -> None:
        """Replace the rows of these items, `[numbers, FACTOR_WIDTH]`."""
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


@once_per_query
def affinity(context: RankingContext, table: ItemTable) -> Floats:
    """Return the affinity of every item to the user's newest ones, `[items]` (`[1]` for an empty table)."""
    return table.signal(Factors).affinity(context.recent, max(1, len(table)))


def propose(context: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Return the items that lie furthest in the direction of the user's newest ones."""
    if not table.signal(Factors).loaded:
        return nothing()
    return best(affinity(context, table), context.blocked, size)


def reason(context: RankingContext, table: ItemTable, item: int) -> str:
    """Return "close to your taste" if the user has chosen anything, else only that others choose the item."""
    if len(context.recent):
        return "close to your taste"
    return "others choose this" if table.count[item] else "hardly anybody knows this yet"


def fill(batch: RankingBatch) -> Block:
    """Return the affinity by learned factors."""
    return np.clip(pick(batch, lambda context, table: (affinity(context, table),), 1), -8.0, 8.0)


FACTOR_SOURCE = CandidateSource(name="embeddings", propose=propose, size=40, reason=reason)
FACTOR_COLUMNS = FeatureGroup(group="affinity", names=("affinity",), fill=fill, initial={"affinity": 1.0})
