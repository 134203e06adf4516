"""What reads like the person's recent items, among items too new to have shown how they do."""

from __future__ import annotations

from features.item_table import ItemTable, Numbers
from inference.ranking_context import RankingContext


def propose(person: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Cold items whose words agree most with those of the recent ones."""
    if not len(person.recent):
        return person.consumed[:0]
    cold = table.cold()
    cold = cold[~person.blocked[cold]]
    scores = table.content[cold] @ person.profile
    found = (-scores).argsort(kind="stable")[:size]
    return cold[found[scores[found] > 0.0]]
