"""The contract of a candidate source."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from msgspec import Struct

from inference.items.neighbours import Neighbours
from inference.items.table import Bools, ItemTable, Numbers
from inference.ranking_context import RankingContext

Propose = Callable[[RankingContext, ItemTable, int], Numbers]
Reason = Callable[[RankingContext, ItemTable, int], str]


NeighboursOf = Callable[[ItemTable], tuple[Neighbours, ...]]


class Evidence(Struct, frozen=True, kw_only=True):
    """Where a source's reasons find the item that led to a proposal: among the user's `newest` items, the one with the
    greatest weight for it in these `neighbours`.
    """

    neighbours: NeighboursOf
    newest: int


class CandidateSource(Struct, frozen=True, kw_only=True):
    """A way to find candidates for a user.

    `propose(context, table, size)` returns at most `size` item numbers, best first, none of them blocked; it changes
    nothing. `reason` says in a few words why such an item is in the list; it may be a function of context, table and
    item number, where what is true depends on them. With `evidence` it also names the item that led to the proposal.
    """

    name: str
    propose: Propose
    size: int
    reason: str | Reason
    evidence: Evidence | None = None

    def reason_for(self, context: RankingContext, table: ItemTable, item: int) -> str:
        """Return the reason for this item, true of this user now."""
        return self.reason if isinstance(self.reason, str) else self.reason(context, table, item)


def first_allowed(leading: Callable[[int], Numbers], blocked: Bools, size: int, depth: int) -> Numbers:
    """Return the first `size` items that are not blocked; `leading(depth)` are the first `depth` of all, best first.

    It looks at `depth` of them, and at four times as many each time that those do not suffice.
    """
    while True:
        numbers = leading(depth)
        allowed = numbers[~blocked[numbers]]
        if len(allowed) >= size or len(numbers) < depth:
            return allowed[:size]
        depth *= 4


def nothing() -> Numbers:
    """Return no item number."""
    return np.zeros(0, np.int64)
