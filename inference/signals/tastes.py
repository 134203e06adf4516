"""Tastes: how a user's choices spread over categories."""

from __future__ import annotations

import numpy as np

from inference.items.table import Doubles, ItemTable
from inference.ranking_context import RankingContext, once_per_query
from inference.signals.columns import Block, FeatureGroup, RankingBatch

TASTE_ITEMS = 5
"""How many of the newest items make the short-term taste."""


@once_per_query
def tastes(context: RankingContext, table: ItemTable) -> Doubles:
    """Return how choices spread over categories, `[3, categories + 1]`: short-term, long-term, and by rewards."""
    size, recent = len(table.by_category) + 1, context.recent
    spread_over = np.zeros((3, size))
    if len(recent):
        categories = table.by_category.at(recent)
        newest, rewards = categories[:, :TASTE_ITEMS], np.tile(context.rewards, len(categories))
        spread_over[0] = np.bincount(newest.ravel(), minlength=size) / newest.shape[1]
        spread_over[1] = np.bincount(categories.ravel(), minlength=size) / len(recent)
        spread_over[2] = np.bincount(categories.ravel(), rewards, minlength=size) / len(recent)
        spread_over[:, 0] = 0.0
    return spread_over


def fill(batch: RankingBatch) -> Block:
    """Return the user's share of choices in the item's categories: short-term, long-term, by reward."""
    categories = batch.categories
    size = np.maximum(1, np.count_nonzero(categories, axis=0))
    shares = np.empty((3, *batch.items.shape))
    for row, context in enumerate(batch.contexts):
        shares[:, row] = tastes(context, batch.table).take(categories[:, row], axis=1).sum(axis=1)
    shares /= size
    return shares


TASTE_COLUMNS = FeatureGroup(
    group="tastes", names=("taste_now", "taste_long", "taste_liked"), fill=fill, initial={"taste_long": 0.5}
)
