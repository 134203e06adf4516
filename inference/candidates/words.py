"""Shared words: items named like the user's newest ones, such as sequels, editions and other colours."""

from __future__ import annotations

from features.item_table import ItemTable, Numbers
from inference.candidates.source import best
from inference.ranking_context import RankingContext


def propose(context: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Return the items with the most similar names."""
    return best(context.words, context.blocked, size)
