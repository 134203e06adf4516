"""Tastes: how a user's choices spread over categories."""

from __future__ import annotations

import numpy as np

from inference.kernels.taste_shares import taste_shares
from inference.signals.columns import Block, FeatureGroup, RankingBatch

TASTE_ITEMS = 5
"""How many of the newest items make the short-term taste."""


def fill(batch: RankingBatch) -> Block:
    """Return the user's share of choices in the item's categories: short-term, long-term, by reward."""
    shares = np.zeros((3, *batch.items.shape))
    categories = len(batch.table.by_category) + 1
    for row, context in enumerate(batch.contexts):
        if len(context.recent):
            of_recent = batch.table.by_category.at(context.recent)
            of_candidates = np.ascontiguousarray(batch.categories[:, row])
            shares[:, row] = taste_shares(of_recent, context.rewards, TASTE_ITEMS, of_candidates, categories)
    return shares


TASTE_COLUMNS = FeatureGroup(
    group="tastes", names=("taste_now", "taste_long", "taste_liked"), fill=fill, initial={"taste_long": 0.5}
)
