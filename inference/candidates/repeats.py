"""What the person comes back to: consumed items, the more often and the more nearly due the better."""

from __future__ import annotations

import numpy as np

from features.item_table import ItemTable, Numbers
from inference.ranking_context import RankingContext


def propose(person: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Consumed items, where repeats are allowed."""
    if not person.repeats or not len(person.consumed):
        return person.consumed[:0]
    idle = person.query.now - person.consumed_at
    sitting = person.consumed_at >= person.query.user.session.began_at
    scores = np.log1p(person.consumed_count) - 0.1 * np.log1p(np.maximum(0.0, idle) / 3_600.0) - 2.0 * sitting
    ranked = person.consumed[np.argsort(-scores, kind="stable")]
    return ranked[~person.blocked[ranked]][:size]


def reason(person: RankingContext, table: ItemTable, item: int) -> str:
    """Coming back means to have chosen it twice at least."""
    times = person.consumed_count[person.consumed == item]
    return "you come back to this" if len(times) and times[0] > 1 else "you chose this before"
