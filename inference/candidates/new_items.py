"""New items: the latest ones that hardly any user has seen."""

from __future__ import annotations

import numpy as np

from features.decay import DAY
from features.item_table import ItemTable, Numbers
from inference.ranking_context import RankingContext

NEW_SECONDS = 30 * DAY


def propose(context: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Return the cold items that became available last, newest first."""
    cold = table.cold()[::-1]
    return cold[~context.blocked[cold]][:size]


def reason(context: RankingContext, table: ItemTable, item: int) -> str:
    """Return "new" for an item of the last month, by its release or else by its first event."""
    released = table.from_time[item] if np.isfinite(table.from_time[item]) and table.from_time[item] > 0.0 else None
    if released is None and table.count[item]:
        released = table.first_at[item]
    is_new = released is not None and context.query.reason_time - float(released) <= NEW_SECONDS
    return "new" if is_new else "hardly anybody knows this yet"
