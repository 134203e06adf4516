"""Affinity by learned item factors: an exact matrix product over the in-process mirror.

Proposes nothing until factors have been loaded into the table.
"""

from __future__ import annotations

from features.item_table import ItemTable, Numbers
from inference.candidates.source import best
from inference.ranking_context import RankingContext


def propose(context: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Return the items that lie furthest in the direction of the user's newest ones."""
    if not table.factors.loaded:
        return context.consumed[:0]
    return best(context.affinity, context.blocked, size)


def reason(context: RankingContext, table: ItemTable, item: int) -> str:
    """Return "close to your taste" if the user has chosen anything, else only that others choose the item."""
    if len(context.recent):
        return "close to your taste"
    return "others choose this" if table.count[item] else "hardly anybody knows this yet"
