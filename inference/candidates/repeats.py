"""Repeats: consumed items, ranked by how often and how lately the user chose them."""

from __future__ import annotations

import numpy as np

from features.item_table import ItemTable, Numbers
from inference.ranking_context import RankingContext


def propose(context: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Return consumed items, where repeats are allowed; those of the current session last."""
    if not context.repeats or not len(context.consumed):
        return context.consumed[:0]
    idle = context.query.now - context.consumed_at
    in_session = context.consumed_at >= context.query.user.session.began_at
    scores = np.log1p(context.consumed_count) - 0.1 * np.log1p(np.maximum(0.0, idle) / 3_600.0) - 2.0 * in_session
    ranked = context.consumed[np.argsort(-scores, kind="stable")]
    return ranked[~context.blocked[ranked]][:size]


def reason(context: RankingContext, table: ItemTable, item: int) -> str:
    """Return "you come back to this" if the user chose the item twice or more."""
    times = context.consumed_count[context.consumed == item]
    return "you come back to this" if len(times) and times[0] > 1 else "you chose this before"
