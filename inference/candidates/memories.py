"""Memories: items that the user likes, and the most popular items of the categories that they like."""

from __future__ import annotations

import numpy as np

from features.item_table import ItemTable, Numbers
from inference.candidates.intents import leaders
from inference.ranking_context import RankingContext

LIKED_CATEGORIES = 3
"""From how many of the most strongly liked categories items are proposed."""


def propose(context: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Return liked items themselves, then the most popular items of the most strongly liked categories."""
    preferences = context.query.preferences
    numbers = [table.number.get(item) for item in preferences.liked_items]
    items = np.array([number for number in numbers if number is not None], np.int64)
    categories = preferences.liked_categories[:LIKED_CATEGORIES]
    shares = [leaders(context, table, category, size // LIKED_CATEGORIES) for category in categories]
    return np.concatenate([items[~context.blocked[items]], *shares])[:size]
