"""Content: items that read like the user's recent ones, by the vectors of `features.item_content`.

It proposes cold items alone: those with many events are found by their co-occurrence.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.item_content import CONTENT_DIMENSIONS, content_vector
from inference.items.table import ItemTable, Numbers, Signal
from inference.kernels.best_scores import best_scores
from inference.ranking_context import RankingContext, once_per_query
from inference.signals.columns import Block, FeatureGroup, RankingBatch
from inference.signals.lifetime import ColdItems
from inference.signals.source import CandidateSource, nothing
from schemas.items import Item


class Content(Signal):
    """`vectors` float32 `[items, 64]`; zero for items that the catalogue does not describe."""

    def __init__(self, *, capacity: int) -> None:
        self.vectors: NDArray[np.float32] = np.zeros((capacity, CONTENT_DIMENSIONS), np.float32)

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` items."""
        more = np.zeros((capacity - len(self.vectors), CONTENT_DIMENSIONS), np.float32)
        self.vectors = np.concatenate([self.vectors, more])

    def describe(self, table: ItemTable, number: int, item: Item) -> None:
        """Take the content of the item's newest catalogue entry."""
        self.vectors[number] = content_vector(item)


@once_per_query
def profile(context: RankingContext, table: ItemTable) -> NDArray[np.float32]:
    """Return the mean content of the user's recent items, the newest weighing most: float32 `[64]`."""
    if not len(context.recent):
        return np.zeros(CONTENT_DIMENSIONS, np.float32)
    vectors = table.signal(Content).vectors[context.recent]
    mean: NDArray[np.float32] = (context.trace @ vectors / context.trace.sum()).astype(np.float32)
    return mean


def propose(context: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Return the cold items that are most similar to the user's content profile."""
    if not len(context.recent):
        return nothing()
    cold = table.signal(ColdItems).numbers()
    similarity = table.signal(Content).vectors.take(cold, axis=0) @ profile(context, table)
    return best_scores(similarity, cold, context.blocked, size)


def fill(batch: RankingBatch) -> Block:
    """Return each candidate's similarity to its user's content profile."""
    profiles = np.stack([profile(context, batch.table) for context in batch.contexts])
    vectors = batch.table.signal(Content).vectors[batch.items]
    similarity: Block = (vectors @ profiles[..., None])[..., 0]
    return similarity[None]


CONTENT_SOURCE = CandidateSource(name="content", propose=propose, size=5, reason="reads like what you chose lately")
CONTENT_COLUMNS = FeatureGroup(group="content", names=("content",), fill=fill)
