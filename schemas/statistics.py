"""How items are doing: `item-deltas` (one contribution per event) folded into `item-statistics` (one row per item)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from schemas.bounds import FARTHEST, LARGEST_COUNT, Amount, DecayedCount, Label, Sum, WholeNumber
from schemas.ids import BareItem, ItemKey, Time
from schemas.record import Record

Seconds = Annotated[float, Meta(ge=-FARTHEST, le=FARTHEST)]
Segment = Literal["new", "return", "sitting"]
"""In which a choice is made: the person's first, the first of a later sitting, or within one."""


class ItemDelta(Record, frozen=True, kw_only=True, rename={"segment": "situation"}):
    """One event's contribution to its item.

    `source` and `offset` name the input record that caused it: the owner of the item folds each one once, however
    often it is delivered. `before` are the person's earlier items, newest first, with seconds since each;
    `situation` is that of the choice, none where it is not known.
    """

    item_id: ItemKey
    source: Label
    offset: WholeNumber
    event_time: Time
    weight: Annotated[float, Meta(ge=0, le=LARGEST_COUNT)]
    value: Amount | None = None
    before: Annotated[tuple[tuple[BareItem, Seconds], ...], Meta(max_length=64)] = ()
    segment: Segment | None = None


class ItemStatistics(Record, frozen=True, kw_only=True, rename={"segments": "situations"}):
    """One item's statistics as of `at` (event time): decayed counts and who comes before it.

    `popularity` has one decayed count per half-life of `features.half_lives.POPULARITY_HALF_LIVES`; `covisits` and
    `transitions` weigh the items that the same people had before (recently, and directly). `situations` holds, by
    the situation of the choice, one decayed count per half-life of `features.half_lives.SEGMENT_HALF_LIVES`.
    `feature_time` is `at` made strictly increasing: the time of the row in Feast.
    """

    item_id: ItemKey
    version: WholeNumber
    at: Time
    first_at: Time
    count: WholeNumber
    popularity: Annotated[tuple[DecayedCount, ...], Meta(max_length=32)]
    feature_time: Time = 0.0
    value_sum: Sum = 0.0
    value_count: WholeNumber = 0
    covisits: Annotated[dict[BareItem, DecayedCount], Meta(max_length=1_024)] = {}
    transitions: Annotated[dict[BareItem, DecayedCount], Meta(max_length=1_024)] = {}
    segments: dict[Segment, Annotated[tuple[DecayedCount, ...], Meta(max_length=32)]] = {}
