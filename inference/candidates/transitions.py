"""Transitions: what users chose directly after the user's newest items, a first-order chain over three steps."""

from __future__ import annotations

from features.item_table import ItemTable, Numbers
from inference.candidates.source import best
from inference.ranking_context import RankingContext


def propose(context: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Return the items that are most often chosen next."""
    return best(context.transition, context.blocked, size)
