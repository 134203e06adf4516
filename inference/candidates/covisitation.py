"""What the same people chose: items near the recent ones by cosine-normalised co-visitation.

Item-based nearest neighbours (Deshpande and Karypis, TOIS 2004), with recent items weighing more.
"""

from __future__ import annotations

from features.item_table import ItemTable, Numbers
from inference.candidates.source import best
from inference.ranking_context import RankingContext


def propose(person: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Items that go with the person's recent ones."""
    return best(person.covisit, person.blocked, size)


def propose_near(person: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Items that go with the person's very newest ones."""
    return best(person.covisit_near, person.blocked, size)
