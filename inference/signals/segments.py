"""Segment popularity: what new users, returning users and users within a session choose."""

from __future__ import annotations

import numpy as np

from features.half_lives import SEGMENT_HALF_LIVES, SEGMENT_SECONDS
from features.user_segment import SEGMENTS
from inference.items.order import NO_EVENTS, Leaders
from inference.items.table import Doubles, ItemTable, Numbers, Signal
from inference.ranking_context import RankingContext
from inference.signals.columns import Block, FeatureGroup, RankingBatch, at_half_lives, relative
from inference.signals.source import CandidateSource, first_allowed, nothing
from schemas.statistics import ItemStatistics

NEW_SEGMENT = SEGMENTS.index("new")
MANY_FIRST_CHOICES = 5.0
"""From this decayed count of first choices on, the reason says "many"."""
SLOWEST = SEGMENT_SECONDS.index(max(SEGMENT_SECONDS))
SEGMENT_PRIOR = 5.0
"""How many choices an item needs until its own share in a segment counts as much as the usual share."""
SEGMENT_MIN_COUNT = 0.05
"""The decayed count below which segment popularity does not distinguish items."""
_HALVING = np.array(SEGMENT_SECONDS)[:, None, None]
"""Half-lives in seconds, `[half-life, 1, 1]`, beside `[users, candidates]`."""


class SegmentPopularity(Signal):
    """`counts` float64 `[segment, half-life, items]` as of the item's `last_at`, and `totals` `[segment, half-life]`,
    their sums over all items as of the table's `newest_at`.

    Neither changes as time passes: who reads them decays them.
    """

    def __init__(self, *, capacity: int) -> None:
        self.totals: Doubles = np.zeros((len(SEGMENTS), len(SEGMENT_SECONDS)))
        self.counts: Doubles = np.zeros((*self.totals.shape, capacity))
        self._first_choice_keys: Doubles = np.full(capacity, NO_EVENTS)
        self._leaders = Leaders()

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` items."""
        more = np.zeros((*self.totals.shape, capacity - self.counts.shape[-1]))
        self.counts = np.concatenate([self.counts, more], axis=-1)
        self._first_choice_keys = np.concatenate([self._first_choice_keys, np.full(more.shape[-1], NO_EVENTS)])

    def update(self, table: ItemTable, number: int, row: ItemStatistics) -> None:
        """Decay the totals to the newest time, and replace the item's former counts in them."""
        newest = max(table.newest_at, row.at)
        counts = np.zeros(self.totals.shape)
        for index, name in enumerate(SEGMENTS):
            if name in row.segments:
                counts[index] = row.segments[name]
        clocks = np.array(((table.newest_at,), (row.at,), (table.last_at[number],)))
        before, new, old = np.exp2((clocks - newest) / SEGMENT_SECONDS)
        self.totals = np.maximum(0.0, self.totals * before + counts * new - self.counts[..., number] * old)
        self.counts[..., number] = counts
        self._rank(number, counts[NEW_SEGMENT, SLOWEST], row.at)

    def _rank(self, number: int, first_choices: float, at: float) -> None:
        """Keep the item's log count of first choices by forward decay, as `signals.popularity` does."""
        key = float(np.log2(first_choices)) + at / SEGMENT_SECONDS[SLOWEST] if first_choices > 0.0 else NO_EVENTS
        self._leaders.put(number, float(self._first_choice_keys[number]), key)
        self._first_choice_keys[number] = key

    def first_choices(self, size: int) -> Numbers:
        """Return the numbers of the items that were most often the first choice lately, best first."""
        return self._leaders.first(self._first_choice_keys, size)


def propose(context: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Return the items that were most often the first choice lately; none for users who have made theirs."""
    if context.segment != "new":
        return nothing()
    return first_allowed(table.signal(SegmentPopularity).first_choices, context.blocked, size, 2 * size)


def reason(context: RankingContext, table: ItemTable, item: int) -> str:
    """Return how common it is to begin with the item."""
    decay = np.exp2((table.last_at[item] - context.query.now) / SEGMENT_SECONDS[SLOWEST])
    first_choices = table.signal(SegmentPopularity).counts[NEW_SEGMENT, SLOWEST, item] * min(1.0, decay)
    return "what many begin with" if first_choices >= MANY_FIRST_CHOICES else "what others begin with"


def fill(batch: RankingBatch) -> Block:
    """Return popularity in the user's segment: new users, returning users, users within a session.

    Per half-life the lift of the item's share in the segment over the segment's share of all choices, in octaves,
    shrunk towards none; and how many of the segment chose it lately, relative to the list's highest.
    """
    table, items, now = batch.table, batch.items, batch.now
    signal = table.signal(SegmentPopularity)
    own = [SEGMENTS.index(context.segment) for context in batch.contexts]
    rows = np.arange(len(own))
    counts = signal.counts.take(items, axis=-1)  # [segment, half-life, users, candidates]
    decay = _decay(table.last_at[items] - now)
    in_segment = counts[own, :, rows].swapaxes(0, 1) * decay  # [half-life, users, candidates]
    overall = counts.sum(axis=0) * decay
    totals = signal.totals[..., None, None] * _decay(table.newest_at - now)
    usual = (totals[own, :, rows].swapaxes(0, 1) + 1.0) / (totals.sum(axis=0) + len(SEGMENTS))
    lift = np.log2((in_segment + SEGMENT_PRIOR * usual) / (overall + SEGMENT_PRIOR) / usual)
    level = relative(np.log2(in_segment + SEGMENT_MIN_COUNT), batch.mask)
    return np.concatenate([np.clip(lift, -4.0, 4.0) / 2.0, level])


def _decay(seconds: Doubles) -> Doubles:
    """Return what is left of segment counts after -`seconds`, `[half-life, ..]`; times in the future decay nothing."""
    decay: Doubles = np.exp2(np.minimum(0.0, seconds) / _HALVING)
    return decay


FIRST_CHOICE_SOURCE = CandidateSource(name="newcomers", propose=propose, size=40, reason=reason)
SEGMENT_COLUMNS = FeatureGroup(
    group="company",
    names=(*at_half_lives("company", SEGMENT_HALF_LIVES), *at_half_lives("company_popular", SEGMENT_HALF_LIVES)),
    fill=fill,
)
