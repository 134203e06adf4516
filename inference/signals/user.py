"""The user alone: columns that are the same for every candidate; the network crosses them with the others."""

from __future__ import annotations

import numpy as np

from features.views import USER_FEATURES
from inference.items.table import Doubles, ItemTable
from inference.ranking_context import RankingContext
from inference.signals.co_occurrence import scores
from inference.signals.columns import Block, FeatureGroup, RankingBatch, spread


def fill(batch: RankingBatch) -> Block:
    """Return the features of `features.views.USER_FEATURES`."""
    rows = np.array([[feature.value(context.query.user) for feature in USER_FEATURES] for context in batch.contexts])
    return spread(squashed(rows), batch)


def squashed(values: Doubles) -> Doubles:
    """Return values of any size as logarithms of a few units, with their signs.

    >>> squashed(np.array([0.0, -10.0])).round(1).tolist()
    [0.0, -1.2]
    """
    small: Doubles = np.sign(values) * np.log1p(np.abs(values)) / 2.0
    return small


def fill_history(batch: RankingBatch) -> Block:
    """Return how long the user was away, whether they have no recent items, and their best co-visitation score."""
    return spread(np.array([_history(context, batch.table) for context in batch.contexts]), batch)


def _history(context: RankingContext, table: ItemTable) -> tuple[float, float, float]:
    user, idle = context.query.user, context.query.now - context.query.user.last_at
    return (
        np.log1p(max(0.0, idle) / 3_600.0) / 4.0 if user.version else 0.0,
        float(not len(context.recent)),
        float(np.log2(scores(context, table).covisit.highest + 1e-3)) / 8.0,
    )


USER_COLUMNS = FeatureGroup(group="user", names=tuple(f"user_{feature.name}" for feature in USER_FEATURES), fill=fill)
USER_HISTORY_COLUMNS = FeatureGroup(
    group="situation", names=("away", "nothing_known", "best_covisit"), fill=fill_history
)
