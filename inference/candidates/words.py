"""What shares its words with the person's newest items: sequels, editions, the same thing in another colour."""

from __future__ import annotations

from features.item_table import ItemTable, Numbers
from inference.candidates.source import best
from inference.ranking_context import RankingContext


def propose(person: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Items with the closest names."""
    return best(person.words, person.blocked, size)
