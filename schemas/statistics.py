"""Item statistics: `item-deltas` (one contribution per event) folded into `item-statistics` (one row per item)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from schemas.bounds import ID_LENGTH, LARGEST_COUNT, LARGEST_TIME, Amount, DecayedCount, Label, Sum, WholeNumber
from schemas.ids import BareItem, ItemKey, Time, UserId
from schemas.record import Record

Seconds = Annotated[float, Meta(ge=-LARGEST_TIME, le=LARGEST_TIME)]
Segment = Literal["new", "return", "sitting"]
"""The user segment of a choice: the user's first one, the first of a later session, or one within a session."""


class ItemDelta(Record, frozen=True, kw_only=True, rename={"segment": "situation"}):
    """One event's contribution to the statistics of its item.

    `source` and `offset` name the input record that caused it: the owner of the item folds each one once, however
    often it is delivered. `before` are the user's earlier items, newest first, with seconds since each; `segment`
    (encoded as `situation`) is the user segment of the choice, none where it is unknown.

    `account` is how much the user's account counts, less where it is new. `counted` is the most that earlier choices of
    the item by the same user weighed, none where there were none, and `since` the seconds from the last of them: by
    these the owner of the item caps what one user adds; `value` is of a user's first rating of the item. A `withheld`
    delta is one of an account in quarantine: it is folded if a rebuild finds the quarantine of `user_id` lifted. In
    deltas of earlier builds that is empty.
    """

    item_id: ItemKey
    source: Label
    offset: WholeNumber
    event_time: Time
    weight: Annotated[float, Meta(ge=0, le=LARGEST_COUNT)]
    value: Amount | None = None
    before: Annotated[tuple[tuple[BareItem, Seconds], ...], Meta(max_length=64)] = ()
    segment: Segment | None = None
    account: Annotated[float, Meta(ge=0, le=1)] = 1.0
    withheld: bool = False
    counted: Annotated[float, Meta(ge=0, le=LARGEST_COUNT)] = 0.0
    since: Seconds = 0.0
    user_id: Annotated[UserId, Meta(max_length=ID_LENGTH)] = UserId("")


class ItemStatistics(Record, frozen=True, kw_only=True, rename={"segments": "situations"}):
    """One item's statistics as of `at` (event time): decayed counts, and the items chosen before it.

    `popularity` has one decayed count per half-life of `features.half_lives.POPULARITY_HALF_LIVES`; `covisits` and
    `transitions` weigh the items that the same users chose before it (recently, and directly). `segments` (encoded as
    `situations`) holds, by user segment, one decayed count per half-life of `features.half_lives.SEGMENT_HALF_LIVES`.
    `feature_time` is `at` made strictly increasing: the time of the row in Feast. `people` is how many users chose the
    item, each by the weight of their account; none where an earlier build counted events alone.
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
    people: DecayedCount | None = None
