"""Item statistics: the owner of an item folds each event's delta into the item's row."""

from __future__ import annotations

from math import exp2
from operator import add, itemgetter

from msgspec import Struct
from msgspec.structs import replace

from features.decay import next_feature_time
from features.half_lives import (
    COVISIT_HALF_LIFE,
    POPULARITY_SECONDS,
    SEGMENT_SECONDS,
    TRANSITION_HALF_LIFE,
    HalfLife,
)
from schemas.errors import DecodeError
from schemas.ids import ItemId
from schemas.statistics import ItemDelta, ItemStatistics, Segment

RANK_DECAY = 0.9
"""Factor by which each rank further back weighs less in co-visits: the items just before say more."""
NEIGHBOURS = 256
"""How many earlier items a row keeps as co-visits; the weakest is dropped."""
PREDECESSORS = 128
"""How many directly preceding items a row keeps as transitions; the weakest is dropped."""


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
            value * exp2(row_shift / half_life) + delta.weight * exp2(delta_shift / half_life)
            for value, half_life in zip(row.popularity, POPULARITY_SECONDS, strict=True)
        ),
        value_sum=row.value_sum + (delta.value or 0.0),
        value_count=row.value_count + (delta.value is not None),
        covisits=_neighbours(row.covisits, row_shift, delta_shift, delta.before, COVISIT_HALF_LIFE, size=NEIGHBOURS),
        transitions=_neighbours(
            row.transitions, row_shift, delta_shift, delta.before[:1], TRANSITION_HALF_LIFE, size=PREDECESSORS
        ),
        segments=_segments(row.segments, row_shift, delta_shift, delta),
    )


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
        added = _decayed((delta.weight,) * len(SEGMENT_SECONDS), delta_shift)
        current = counts.get(delta.segment, (0.0,) * len(added))
        counts[delta.segment] = tuple(map(add, current, added))
    return counts


def _decayed(values: tuple[float, ...], seconds: float) -> tuple[float, ...]:
    return tuple(value * exp2(seconds / half_life) for value, half_life in zip(values, SEGMENT_SECONDS, strict=True))


def _neighbours(
    old: dict[ItemId, float],
    row_shift: float,
    delta_shift: float,
    before: tuple[tuple[ItemId, float], ...],
    half_life: HalfLife,
    *,
    size: int,
) -> dict[ItemId, float]:
    """Return decayed weights of preceding items, each discounted by `RANK_DECAY` per rank; the `size` strongest."""
    decay, weight = exp2(row_shift / half_life.seconds), exp2(delta_shift / half_life.seconds)
    weights = {item: value * decay for item, value in old.items()} if decay < 1.0 else dict(old)
    for item, _gap in before:
        weights[item] = weights.get(item, 0.0) + weight
        weight *= RANK_DECAY
    if len(weights) <= size:
        return weights
    strongest = sorted(sorted(weights.items()), key=itemgetter(1), reverse=True)
    return dict(strongest[:size])
