"""The contract of columns: the ranker's input for each user-item pair, filled for a whole batch at once.

Values are scale-free: logarithms, ratios and ranks relative to the other candidates, squashed to a few units, so one
model fits every domain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from features.half_lives import HalfLife
from inference.items.table import Bools, Doubles, ItemTable, Numbers
from inference.ranking_context import RankingContext

Block = NDArray[np.floating]
LOWEST_RELATIVE = -3.0

ScoresAt = Callable[[RankingContext, ItemTable, Numbers], Block]
"""The scores of a query for these items, `[items]`."""


class Pool(Struct, frozen=True, kw_only=True):
    """The candidates of a batch: `items` int64 `[users, candidates]` (0 where `mask` is false); `votes` float32
    `[sources, users, candidates]`: 1 / (1 + rank / 10) by the rank (from 0) in the source's own order, 0 if the source
    did not propose the item.
    """

    items: Numbers
    mask: Bools
    votes: NDArray[np.float32]


class RankingBatch(Struct, frozen=True, kw_only=True):
    """The input of feature groups: `items` and `mask` `[users, candidates]`, `now` `[users, 1]`, and the items'
    `categories` `[most, users, candidates]` as `inference.items.categories` numbers them.
    """

    table: ItemTable
    contexts: Sequence[RankingContext]
    pool: Pool
    items: Numbers
    mask: Bools
    now: Doubles
    categories: NDArray[np.int32]


class FeatureGroup(Struct, frozen=True, kw_only=True):
    """Features that are computed together: `fill(batch)` is `[len(names), users, candidates]`, column by column, so
    that arithmetic runs along candidates.

    `initial` are the weights of columns before anything is learned; 0 for those that it does not name.
    """

    group: str
    names: tuple[str, ...]
    fill: Callable[[RankingBatch], Block]
    initial: Mapping[str, float] = {}


def relative(values: Block, mask: Bools) -> Block:
    """Return base-2 logarithms relative to the list's highest: 0 at the top, -3 at a 4,096th of it or less."""
    top = np.where(mask, values, -np.inf).max(axis=-1, keepdims=True)
    below: Block = np.maximum((values - np.where(np.isfinite(top), top, 0.0)) / 4.0, LOWEST_RELATIVE)
    return below


def pick(batch: RankingBatch, *scores: ScoresAt) -> Block:
    """Return each of the scores for the candidates of their users: `[len(scores), users, candidates]`."""
    picked = np.empty((len(scores), *batch.items.shape))
    for row, context in enumerate(batch.contexts):
        for column, scores_at in enumerate(scores):
            picked[column, row] = scores_at(context, batch.table, batch.items[row])
    return picked


def spread(rows: Doubles, batch: RankingBatch) -> Block:
    """Broadcast `rows [users, columns]` to all candidates of a user: `[columns, users, candidates]`."""
    return np.broadcast_to(rows.T[..., None], (rows.shape[-1], *batch.items.shape))


def at_half_lives(prefix: str, half_lives: Sequence[HalfLife]) -> tuple[str, ...]:
    """Return the names of one column per half-life."""
    return tuple(f"{prefix}_{half_life.name}" for half_life in half_lives)
