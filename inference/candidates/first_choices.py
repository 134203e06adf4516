"""What people choose first: for somebody of whom nothing is known, what others began with."""

from __future__ import annotations

import numpy as np

from features.half_lives import SEGMENT_SECONDS
from features.item_table import ItemTable, Numbers
from features.user_segment import SEGMENTS, user_segment
from inference.candidates.source import best
from inference.ranking_context import RankingContext

NEW = SEGMENTS.index("new")
MANY = 5.0
"""How many, with decay, must have begun with an item for that to be said."""
SLOWEST = SEGMENT_SECONDS.index(max(SEGMENT_SECONDS))


def propose(person: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Items that were most often the first choice lately; nothing for people who have made theirs."""
    if user_segment(person.query.user, person.query.now, person.query.session_id) != "new":
        return person.consumed[:0]
    items = len(table)
    left = np.exp2((table.last_at[:items] - person.query.now) / SEGMENT_SECONDS[SLOWEST])
    return best(table.segments[NEW, SLOWEST, :items] * left, person.blocked, size)


def reason(person: RankingContext, table: ItemTable, item: int) -> str:
    """Two make a beginning; many are more."""
    left = np.exp2((table.last_at[item] - person.query.now) / SEGMENT_SECONDS[SLOWEST])
    begun = table.segments[NEW, SLOWEST, item] * min(1.0, left)
    return "what many begin with" if begun >= MANY else "what others begin with"
