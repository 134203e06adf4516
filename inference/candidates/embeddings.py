"""Where the person is heading by the learned factors: an exact matrix product over the in-process mirror.

Proposes nothing until somebody has put factors into the table.
"""

from __future__ import annotations

from features.item_table import ItemTable, Numbers
from inference.candidates.source import best
from inference.ranking_context import RankingContext


def propose(person: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Items that lie furthest in the direction of the person's newest ones."""
    if not table.factors.loaded:
        return person.consumed[:0]
    return best(person.affinity, person.blocked, size)


def reason(person: RankingContext, table: ItemTable, item: int) -> str:
    """Close to a taste that has been shown; of somebody who showed none, only that others choose it."""
    if len(person.recent):
        return "close to your taste"
    return "others choose this" if table.count[item] else "hardly anybody knows this yet"
