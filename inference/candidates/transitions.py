"""What people chose directly after the person's newest items: a first-order chain, softened over three steps."""

from __future__ import annotations

from features.item_table import ItemTable, Numbers
from inference.candidates.source import best
from inference.ranking_context import RankingContext


def propose(person: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Items that often come next."""
    return best(person.transition, person.blocked, size)
