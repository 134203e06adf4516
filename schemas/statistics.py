"""How items are doing: `item-deltas` (one contribution per event) folded into `item-statistics` (one row per item)."""

from __future__ import annotations

from typing import Literal

from schemas.ids import ItemId, Time
from schemas.record import Record

Situation = Literal["new", "return", "sitting"]
"""In which a choice is made: the person's first, the first of a later sitting, or within one."""


class ItemDelta(Record, frozen=True, kw_only=True):
    """One event's contribution to its item.

    `source` and `offset` name the input record that caused it: the owner of the item folds each one once, however
    often it is delivered. `before` are the person's earlier items, newest first, with seconds since each;
    `situation` is that of the choice, none where it is not known.
    """

    item_id: ItemId
    source: str
    offset: int
    event_time: Time
    weight: float
    value: float | None = None
    before: tuple[tuple[ItemId, float], ...] = ()
    situation: Situation | None = None


class ItemStatistics(Record, frozen=True, kw_only=True):
    """One item's statistics as of `at` (event time): decayed counts and who comes before it.

    `popularity` has one decayed count per half-life of `features.statistics.HALF_LIVES`; `covisits` and
    `transitions` weigh the items that the same people had before (recently, and directly). `situations` holds, by
    the situation of the choice, one decayed count per half-life of `features.statistics.SITUATION_HALF_LIVES`.
    `feature_time` is `at` made strictly increasing: the time of the row in Feast.
    """

    item_id: ItemId
    version: int
    at: Time
    first_at: Time
    count: int
    popularity: tuple[float, ...]
    feature_time: Time = 0.0
    value_sum: float = 0.0
    value_count: int = 0
    covisits: dict[ItemId, float] = {}
    transitions: dict[ItemId, float] = {}
    situations: dict[Situation, tuple[float, ...]] = {}
