"""What is remembered of the person: items that they want, and leaders of the categories that they like."""

from __future__ import annotations

import numpy as np

from features.item_table import ItemTable, Numbers
from inference.candidates.intents import leaders
from inference.ranking_context import RankingContext

STRONGEST = 3


def propose(person: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Liked items themselves, then the leaders of the most strongly liked categories."""
    preferences = person.query.preferences
    numbers = [table.number.get(item) for item in preferences.liked_items]
    items = np.array([number for number in numbers if number is not None], np.int64)
    categories = preferences.liked_categories[:STRONGEST]
    shares = [leaders(person, table, category, size // STRONGEST) for category in categories]
    return np.concatenate([items[~person.blocked[items]], *shares])[:size]
