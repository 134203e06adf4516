"""What has just come out: the newest items that hardly anybody has met."""

from __future__ import annotations

import numpy as np

from features.decay import DAY
from features.item_table import ItemTable, Numbers
from inference.ranking_context import RankingContext

NEW_SECONDS = 30 * DAY


def propose(person: RankingContext, table: ItemTable, size: int) -> Numbers:
    """The items that became choosable last, newest first."""
    cold = table.cold()[::-1]
    return cold[~person.blocked[cold]][:size]


def reason(person: RankingContext, table: ItemTable, item: int) -> str:
    """New is what came within a month, by its release or else by its first event."""
    begun = table.from_time[item] if np.isfinite(table.from_time[item]) and table.from_time[item] > 0.0 else None
    if begun is None and table.count[item]:
        begun = table.first_at[item]
    is_new = begun is not None and person.query.told_at - float(begun) <= NEW_SECONDS
    return "new" if is_new else "hardly anybody knows this yet"
