"""Support: how many people chose an item lately. Without enough of it, no item is first for strangers.

What strangers are shown is the same for all of them, so that a handful of made-up people who begin with an unknown item
would buy the first place of every new user.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log2

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from features.half_lives import POPULARITY_SECONDS, SUPPORT_ORDER
from inference.items.table import Bools, ItemTable, Numbers
from inference.ports import Scores, Split
from inference.ranking_context import RankingContext
from inference.signals.columns import Pool
from inference.signals.popularity import ItemPopularity

LEADING_ITEMS = 10
"""The support of this many-th most chosen item is what others are measured by."""
SUPPORT_SHARE = 0.2
"""The share of it that an item needs, unless it is one of the `MOST_CHOSEN`."""
MOST_CHOSEN = 300
"""So many items have support, unless it is less than `LEAST_SUPPORT`: where choices are spread over many items, few
people are enough. Where fewer items are chosen, it is one of `CHOSEN_PER_SUPPORTED`."""
CHOSEN_PER_SUPPORTED = 4
LEAST_SUPPORT = 1.0
"""The decayed count of people that an item needs at any rate, by the weight of their accounts."""
DEMOTION = 20.0
"""By how much more than their range unsupported scores fall: a list that explores draws them next to never."""


def supported(items: Numbers, table: ItemTable, now: float) -> Bools:
    """Return which of the items `[items]` are chosen by enough people for strangers to be shown them first."""
    popularity = table.signal(ItemPopularity)
    leading = popularity.leading(SUPPORT_ORDER, LEADING_ITEMS)
    if not len(leading):
        return np.zeros(len(items), np.bool_)
    keys = popularity.log_counts[SUPPORT_ORDER]
    needed = float(keys[leading[-1]]) + log2(SUPPORT_SHARE)
    most_chosen = popularity.leading(SUPPORT_ORDER, min(MOST_CHOSEN, len(popularity) // CHOSEN_PER_SUPPORTED))
    if len(most_chosen):
        needed = min(needed, float(keys[most_chosen[-1]]))
    needed = max(needed, log2(LEAST_SUPPORT) + now / POPULARITY_SECONDS[SUPPORT_ORDER])
    enough: Bools = keys[items] >= needed
    return enough


def supported_first(values: NDArray[np.float32], items: Numbers, table: ItemTable, now: float) -> NDArray[np.float32]:
    """Return the scores `[items]` with those of unsupported items below all others; their order stays as it is."""
    enough = supported(items, table, now)
    if enough.all() or not enough.any():
        return values
    fall = float(values.max() - values.min()) + DEMOTION
    return np.where(enough, values, values - np.float32(fall)).astype(np.float32, copy=False)


def strangers_supported_first(
    scores: Scores, contexts: Sequence[RankingContext], pool: Pool, table: ItemTable, split: Split | None
) -> Scores:
    """Return the scores with those of unsupported items below all others for strangers, by every variant's weights."""
    strangers = [row for row, context in enumerate(contexts) if is_stranger(context)]
    if not strangers:
        return scores
    values, variants = scores.values.copy(), scores.prequential_queries
    queries = split.prequential_queries.tolist() if split is not None and variants is not None else []
    variants = variants.copy() if variants is not None else None
    for row in strangers:
        size, now = int(pool.mask[row].sum()), contexts[row].query.now
        items = pool.items[row, :size]
        values[row, :size] = supported_first(values[row, :size], items, table, now)
        if variants is not None and row in queries:
            for own in variants[:, queries.index(row)]:
                own[:size] = supported_first(own[:size], items, table, now)
    return replace(scores, values=values, prequential_queries=variants)


def is_stranger(context: RankingContext) -> bool:
    """Return whether nothing is known of the user: no choice, and nothing that they stated."""
    return context.segment == "new" and not context.query.preferences.is_weighted
