"""What is remembered of the person: items that they want, and leaders of the categories that they like."""

from __future__ import annotations

import numpy as np

from features.item_table import ItemTable, Numbers
from inference.candidates.intents import leaders
from inference.ranking_context import RankingContext
from schemas.ids import ItemId

LIKED = ("likes", "wants-more", "pins")
STRONGEST = 3


def propose(person: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Liked items themselves, then the leaders of the most strongly liked categories."""
    liked = [memory for memory in person.query.memories if memory.predicate in LIKED and memory.state == "active"]
    liked.sort(key=lambda memory: (-memory.strength, memory.memory_id))
    numbers = [table.number.get(ItemId(memory.value)) for memory in liked if memory.subject == "item"]
    items = np.array([number for number in numbers if number is not None], np.int64)
    categories = [memory.value for memory in liked if memory.subject == "category"][:STRONGEST]
    shares = [leaders(person, table, category, size // STRONGEST) for category in categories]
    return np.concatenate([items[~person.blocked[items]], *shares])[:size]
