"""ItemPopularity: how often each item was chosen lately, at every half-life of `features.half_lives`.

It is kept as log2(decayed count) + at / half-life (forward decay: Cormode et al., ICDE 2009). Then an item's key
changes only with its own events, and the order of items stays right while time passes.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import partial

import numpy as np

from features.decay import DAY
from features.half_lives import CATEGORY_ORDER, POPULARITY_HALF_LIVES, POPULARITY_SECONDS
from inference.items.order import NO_EVENTS, Leaders
from inference.items.table import Doubles, ItemTable, Numbers, Signal
from inference.ranking_context import RankingContext
from inference.signals.columns import Block, FeatureGroup, RankingBatch, at_half_lives, relative
from inference.signals.source import CandidateSource, Propose, Reason, first_allowed
from schemas.statistics import ItemStatistics

LEVEL_INDEXES = [index for index, half_life in enumerate(POPULARITY_HALF_LIVES) if half_life.has_level]
"""At which half-lives the decayed count itself is a feature, not only its ratio to others."""
_HALVING = np.array(POPULARITY_SECONDS)


class ItemPopularity(Signal):
    """`log_counts` float64 `[half-life, items]`: the keys of items, and the items in their order, by half-life."""

    def __init__(self, *, capacity: int) -> None:
        self.log_counts: Doubles = np.full((len(_HALVING), capacity), NO_EVENTS)
        self._leaders = [Leaders() for _ in _HALVING]
        self._leading: dict[tuple[int, int], Numbers] = {}
        self._chosen = 0

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` items."""
        more = np.full((len(_HALVING), capacity - self.log_counts.shape[1]), NO_EVENTS)
        self.log_counts = np.concatenate([self.log_counts, more], axis=1)

    def update(self, table: ItemTable, number: int, row: ItemStatistics) -> None:
        """Take the item's decayed counts, also as its rank within its categories."""
        self._leading.clear()
        popularity = np.array(row.popularity)
        keys = np.where(popularity > 0.0, np.log2(np.maximum(popularity, 1e-300)) + row.at / _HALVING, NO_EVENTS)
        previous = self.log_counts[:, number].tolist()
        self._chosen += int(keys[0] > NO_EVENTS) - int(previous[0] > NO_EVENTS)
        for leaders, old, new in zip(self._leaders, previous, keys.tolist(), strict=True):
            leaders.put(number, old, new)
        table.by_category.rank(number, float(keys[CATEGORY_ORDER]))
        self.log_counts[:, number] = keys

    def __len__(self) -> int:
        """Return how many items were chosen."""
        return self._chosen

    def leading(self, half_life_index: int, size: int) -> Numbers:
        """Return the numbers of the most popular items, best first, at most `size`; read-only."""
        numbers = self._leading.get((half_life_index, size))
        if numbers is None:
            numbers = self._leaders[half_life_index].first(self.log_counts[half_life_index], size)
            self._leading[half_life_index, size] = numbers
        return numbers


def popular(half_life_index: int) -> Propose:
    """Return the source of the most popular items at `POPULARITY_HALF_LIVES[half_life_index]`."""

    def propose(context: RankingContext, table: ItemTable, size: int) -> Numbers:
        leading = partial(table.signal(ItemPopularity).leading, half_life_index)
        return first_allowed(leading, context.blocked, size, 2 * size)

    return propose


def span(seconds: float) -> str:
    """Return a duration in words.

    >>> span(0.05 * DAY), span(DAY), span(40 * DAY)
    ('hour', 'day', '40 days')
    """
    days = seconds / DAY
    number, unit = (round(days), "day") if days >= 1 else (round(days * 24), "hour")
    return unit if number == 1 else f"{number} {unit}s"


POPULAR_WITHIN = (*(f"popular in the last {span(half_life)}" for half_life in POPULARITY_SECONDS), "popular for long")
"""Why an item is proposed that was chosen within this half-life, or in none of them."""


def popular_lately(half_life_index: int) -> Reason:
    """Return the reason that names the time in which the item was popular: the half-life at this index, or else the
    first longer one within which any user chose it.
    """

    def reason(context: RankingContext, table: ItemTable, item: int) -> str:
        idle = context.query.reason_time - table.last_at.item(item)
        return POPULAR_WITHIN[bisect_left(POPULARITY_SECONDS, idle, half_life_index)]

    return reason


def fill(batch: RankingBatch) -> Block:
    """Return popularity relative to the list's highest, ratios between neighbouring half-lives, and levels."""
    logs = batch.table.signal(ItemPopularity).log_counts.take(batch.items, axis=1)
    counts = logs - batch.now / _HALVING[:, None, None]
    ratios = np.clip(counts[:-1] - counts[1:], -12.0, 0.0) / 4.0
    level = np.clip(counts[LEVEL_INDEXES], -8.0, 12.0) / 8.0
    return np.concatenate([relative(logs, batch.mask), ratios, level])


POPULARITY_SOURCES = tuple(
    CandidateSource(
        name=f"popular-{span(half_life).replace(' ', '-')}",
        propose=popular(index),
        size=25,
        reason=popular_lately(index),
    )
    for index, half_life in enumerate(POPULARITY_SECONDS)
)
POPULARITY_COLUMNS = FeatureGroup(
    group="popularity",
    names=(
        *at_half_lives("popular", POPULARITY_HALF_LIVES),
        *at_half_lives("accelerating", POPULARITY_HALF_LIVES[:-1]),
        *at_half_lives("level", [POPULARITY_HALF_LIVES[index] for index in LEVEL_INDEXES]),
    ),
    fill=fill,
    initial={f"popular_{half_life.name}": half_life.initial_weight for half_life in POPULARITY_HALF_LIVES},
)
