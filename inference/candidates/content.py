"""Content similarity to the user's recent items, among cold items that have no statistics yet."""

from __future__ import annotations

from features.item_table import ItemTable, Numbers
from inference.ranking_context import RankingContext


def propose(context: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Return the cold items whose content vectors are most similar to the user's content profile."""
    if not len(context.recent):
        return context.consumed[:0]
    cold = table.cold()
    cold = cold[~context.blocked[cold]]
    scores = table.content[cold] @ context.content_profile
    ranked = (-scores).argsort(kind="stable")[:size]
    return cold[ranked[scores[ranked] > 0.0]]
