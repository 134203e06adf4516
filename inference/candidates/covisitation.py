"""Co-visitation: items that the same users chose as the recent ones, by cosine-normalised counts.

Item-based nearest neighbours (Deshpande and Karypis, TOIS 2004), with recent items weighing more.
"""

from __future__ import annotations

from features.item_table import ItemTable, Numbers
from inference.candidates.source import best
from inference.ranking_context import RankingContext


def propose(context: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Return the items most co-visited with the user's recent ones."""
    return best(context.covisit, context.blocked, size)


def propose_near(context: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Return the items most co-visited with the user's newest few."""
    return best(context.covisit_near, context.blocked, size)
