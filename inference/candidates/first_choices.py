"""First-choice popularity: what users choose first, for users who have chosen nothing yet."""

from __future__ import annotations

import numpy as np

from features.half_lives import SEGMENT_SECONDS
from features.item_table import ItemTable, Numbers
from features.user_segment import SEGMENTS
from inference.candidates.source import best
from inference.ranking_context import RankingContext

NEW_SEGMENT = SEGMENTS.index("new")
MANY_FIRST_CHOICES = 5.0
"""From this decayed count of first choices on, the reason says "many"."""
SLOWEST = SEGMENT_SECONDS.index(max(SEGMENT_SECONDS))


def propose(context: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Return the items that were most often the first choice lately; none for users who have made theirs."""
    if context.segment != "new":
        return context.consumed[:0]
    items = len(table)
    decay = np.exp2((table.last_at[:items] - context.query.now) / SEGMENT_SECONDS[SLOWEST])
    return best(table.segments[NEW_SEGMENT, SLOWEST, :items] * decay, context.blocked, size)


def reason(context: RankingContext, table: ItemTable, item: int) -> str:
    """Return how common it is to begin with the item."""
    decay = np.exp2((table.last_at[item] - context.query.now) / SEGMENT_SECONDS[SLOWEST])
    first_choices = table.segments[NEW_SEGMENT, SLOWEST, item] * min(1.0, decay)
    return "what many begin with" if first_choices >= MANY_FIRST_CHOICES else "what others begin with"
