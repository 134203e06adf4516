"""How items are doing: each event's delta folded into its item's row by the one owner of that item."""

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
"""How much each place further back counts less for co-visits: who came just before says more."""
NEIGHBOURS = 256
"""With how many earlier items a row counts an item as chosen together; the weakest goes."""
PREDECESSORS = 128
"""The same of those that came directly before."""


class FoldedOffsets(Struct, frozen=True):
    """Up to which offset of each source partition deltas were folded: a second delivery is recognised by it."""

    offsets: dict[str, int] = {}

    def has(self, delta: ItemDelta) -> bool:
        """Whether the delta was folded before."""
        return delta.offset <= self.offsets.get(delta.source, -1)

    def add(self, delta: ItemDelta) -> FoldedOffsets:
        """The marks with this delta folded."""
        return FoldedOffsets({**self.offsets, delta.source: delta.offset})


def fold_delta(row: ItemStatistics | None, delta: ItemDelta) -> ItemStatistics:
    """The item's row with one more contribution; order of arrival does not matter, but for rounding.

    >>> row = fold_delta(None, ItemDelta(item_id="i", source="s", offset=0, event_time=1e9, weight=1.0))
    >>> row.count, row.popularity[0]
    (1, 1.0)
    """
    if row is None:
        row = _empty(delta)
    later = max(row.at, delta.event_time)
    kept = row.at - later
    late = delta.event_time - later
    return replace(
        row,
        version=row.version + 1,
        at=later,
        feature_time=next_feature_time(row.feature_time, later),
        first_at=min(row.first_at, delta.event_time),
        count=row.count + 1,
        popularity=tuple(
            value * exp2(kept / half) + delta.weight * exp2(late / half)
            for value, half in zip(row.popularity, POPULARITY_SECONDS, strict=True)
        ),
        value_sum=row.value_sum + (delta.value or 0.0),
        value_count=row.value_count + (delta.value is not None),
        covisits=_neighbours(row.covisits, kept, late, delta.before, COVISIT_HALF_LIFE, size=NEIGHBOURS),
        transitions=_neighbours(row.transitions, kept, late, delta.before[:1], TRANSITION_HALF_LIFE, size=PREDECESSORS),
        segments=_segments(row.segments, kept, late, delta),
    )


def check_row(row: ItemStatistics) -> None:
    """See that a row that was read has a count per half-life.

    Raises:
        DecodeError: it has not, so it is of another release, or nobody's.
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
    known: dict[Segment, tuple[float, ...]], kept: float, late: float, delta: ItemDelta
) -> dict[Segment, tuple[float, ...]]:
    """Decayed counts by situation; a delta that does not know its own counts in none."""
    counts = {name: _decayed(values, kept) for name, values in known.items()} if kept < 0.0 else dict(known)
    if delta.segment is not None:
        own = _decayed((delta.weight,) * len(SEGMENT_SECONDS), late)
        held = counts.get(delta.segment, (0.0,) * len(own))
        counts[delta.segment] = tuple(map(add, held, own))
    return counts


def _decayed(values: tuple[float, ...], seconds: float) -> tuple[float, ...]:
    return tuple(value * exp2(seconds / half) for value, half in zip(values, SEGMENT_SECONDS, strict=True))


def _neighbours(
    known: dict[ItemId, float],
    kept: float,
    late: float,
    before: tuple[tuple[ItemId, float], ...],
    half_life: HalfLife,
    *,
    size: int,
) -> dict[ItemId, float]:
    """Decayed weights of the items that came before, each discounted by `RANK_DECAY` per rank; the `size` strongest."""
    keep, weight = exp2(kept / half_life.seconds), exp2(late / half_life.seconds)
    weights = {item: value * keep for item, value in known.items()} if keep < 1.0 else dict(known)
    for item, _gap in before:
        weights[item] = weights.get(item, 0.0) + weight
        weight *= RANK_DECAY
    if len(weights) <= size:
        return weights
    strongest = sorted(sorted(weights.items()), key=itemgetter(1), reverse=True)
    return dict(strongest[:size])
