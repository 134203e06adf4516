"""Item statistics: the owner of an item folds each event's delta into the item's row."""

from __future__ import annotations

from math import exp2, inf
from operator import add, itemgetter

from msgspec import Struct
from msgspec.structs import replace

from features.decay import next_feature_time
from features.half_lives import (
    COVISIT_HALF_LIFE,
    POPULARITY_SECONDS,
    SEGMENT_SECONDS,
    SUPPORT_ORDER,
    TRANSITION_HALF_LIFE,
    HalfLife,
)
from schemas.bounds import LARGEST_COUNT
from schemas.errors import DecodeError
from schemas.ids import ItemId
from schemas.statistics import ItemDelta, ItemStatistics, Segment

RANK_DECAY = 0.9
"""Factor by which each rank further back weighs less in co-visits: the items just before say more."""
NEIGHBOURS = 256
"""How many earlier items a row keeps as co-visits; the weakest is dropped."""
PREDECESSORS = 128
"""How many directly preceding items a row keeps as transitions; the weakest is dropped."""


LATEST = 60.0
"""How many half-lives before the counted choice a late one is taken to be at most: its weight is nothing by then."""


class FoldedOffsets(Struct, frozen=True):
    """The last folded offset of each source partition, by which a second delivery is recognised."""

    offsets: dict[str, int] = {}

    def has(self, delta: ItemDelta) -> bool:
        """Return whether the delta was folded before."""
        return delta.offset <= self.offsets.get(delta.source, -1)

    def add(self, delta: ItemDelta) -> FoldedOffsets:
        """Return the offsets after this delta."""
        return FoldedOffsets({**self.offsets, delta.source: delta.offset})


def fold_delta(row: ItemStatistics | None, delta: ItemDelta) -> ItemStatistics:
    """Return the item's row with one more contribution; the order of arrival does not matter, except for rounding.

    >>> row = fold_delta(None, ItemDelta(item_id="i", source="s", offset=0, event_time=1e9, weight=1.0))
    >>> row.count, row.popularity[0]
    (1, 1.0)
    """
    if row is None:
        row = _empty(delta)
    at = max(row.at, delta.event_time)
    # Times of the row and of the delta, in seconds after `at`: at most 0, they decay the weights.
    row_shift, delta_shift = row.at - at, delta.event_time - at
    return replace(
        row,
        version=row.version + 1,
        at=at,
        feature_time=next_feature_time(row.feature_time, at),
        first_at=min(row.first_at, delta.event_time),
        count=row.count + 1,
        popularity=tuple(
            value * exp2(row_shift / half_life) + account * added(delta, half_life) * exp2(delta_shift / half_life)
            for value, half_life, account in zip(row.popularity, POPULARITY_SECONDS, _accounts(delta), strict=True)
        ),
        people=people_of(row) + delta.account * added(delta, inf, most=1.0),
        value_sum=row.value_sum + (delta.value or 0.0),
        value_count=row.value_count + (delta.value is not None),
        covisits=_neighbours(row.covisits, row_shift, delta_shift, delta, COVISIT_HALF_LIFE, size=NEIGHBOURS),
        transitions=_neighbours(
            row.transitions, row_shift, delta_shift, delta, TRANSITION_HALF_LIFE, size=PREDECESSORS, steps=1
        ),
        segments=_segments(row.segments, row_shift, delta_shift, delta),
    )


def _accounts(delta: ItemDelta) -> tuple[float, ...]:
    """Return how much the account counts at each half-life of popularity: new ones less, where support is counted."""
    return tuple(delta.account if index == SUPPORT_ORDER else 1.0 for index in range(len(POPULARITY_SECONDS)))


def emptied(row: ItemStatistics) -> ItemStatistics:
    """Return the row of an item that nobody chose after all, newer than this one.

    >>> emptied(fold_delta(None, ItemDelta(item_id="i", source="s", offset=0, event_time=1e9, weight=1.0))).count
    0
    """
    return ItemStatistics(
        item_id=row.item_id,
        version=row.version + 1,
        at=row.at,
        feature_time=next_feature_time(row.feature_time, row.at),
        first_at=row.first_at,
        count=0,
        popularity=(0.0,) * len(POPULARITY_SECONDS),
        people=0.0,
    )


def people_of(row: ItemStatistics) -> float:
    """Return how many users chose the item; of a row by an earlier build, how many events counted."""
    return float(row.count) if row.people is None else row.people


def added(delta: ItemDelta, half_life: float, *, most: float = LARGEST_COUNT) -> float:
    """Return what a delta adds to a count of this half-life: the weight, less what is left of the same user's earlier
    choices of the item. So one user never counts more than one choice of theirs, however many they make.

    >>> once = ItemDelta(item_id="i", source="s", offset=0, event_time=1e9, weight=1.0)
    >>> again = replace(once, counted=1.0, since=60.0)
    >>> added(once, 60.0), added(again, 60.0), added(again, inf)
    (1.0, 0.5, 0.0)
    """
    if delta.counted <= 0.0:
        return min(most, delta.weight)
    left = min(most, delta.counted) * exp2(min(LATEST, -delta.since / half_life))
    return max(0.0, min(most, delta.weight) - left)


def check_row(row: ItemStatistics) -> None:
    """Check that a decoded row has one count per half-life.

    Raises:
        DecodeError: it does not, so that another release, or no aggregator at all, wrote it.
    """
    if len(row.popularity) != len(POPULARITY_SECONDS):
        raise DecodeError("invalid", f"{len(row.popularity)} counts of popularity, not {len(POPULARITY_SECONDS)}")
    for name, counts in row.segments.items():
        if len(counts) != len(SEGMENT_SECONDS):
            raise DecodeError("invalid", f"{len(counts)} counts of {name!r}, not {len(SEGMENT_SECONDS)}")


def _empty(delta: ItemDelta) -> ItemStatistics:
    return ItemStatistics(
        item_id=delta.item_id,
        version=0,
        at=delta.event_time,
        first_at=delta.event_time,
        count=0,
        popularity=(0.0,) * len(POPULARITY_SECONDS),
    )


def _segments(
    old: dict[Segment, tuple[float, ...]], row_shift: float, delta_shift: float, delta: ItemDelta
) -> dict[Segment, tuple[float, ...]]:
    """Return decayed counts by user segment; a delta without a segment counts in none."""
    counts = {name: _decayed(values, row_shift) for name, values in old.items()} if row_shift < 0.0 else dict(old)
    if delta.segment is not None:
        more = _decayed(tuple(added(delta, half_life) for half_life in SEGMENT_SECONDS), delta_shift)
        current = counts.get(delta.segment, (0.0,) * len(more))
        counts[delta.segment] = tuple(map(add, current, more))
    return counts


def _decayed(values: tuple[float, ...], seconds: float) -> tuple[float, ...]:
    return tuple(value * exp2(seconds / half_life) for value, half_life in zip(values, SEGMENT_SECONDS, strict=True))


def _neighbours(
    old: dict[ItemId, float],
    row_shift: float,
    delta_shift: float,
    delta: ItemDelta,
    half_life: HalfLife,
    *,
    size: int,
    steps: int | None = None,
) -> dict[ItemId, float]:
    """Return decayed weights of preceding items (of the newest `steps`), each discounted by `RANK_DECAY` per rank; the
    `size` strongest.
    """
    decay = exp2(row_shift / half_life.seconds)
    weight = delta.account * added(delta, half_life.seconds, most=1.0) * exp2(delta_shift / half_life.seconds)
    weights = {item: value * decay for item, value in old.items()} if decay < 1.0 else dict(old)
    for item, _gap in delta.before[:steps] if weight > 0.0 else ():
        weights[item] = weights.get(item, 0.0) + weight
        weight *= RANK_DECAY
    if len(weights) <= size:
        return weights
    strongest = sorted(sorted(weights.items()), key=itemgetter(1), reverse=True)
    return dict(strongest[:size])
