"""Lifetime: how long items have been known, and those that are new and hardly chosen yet."""

from __future__ import annotations

import numpy as np

from features.decay import DAY
from inference.items.table import Doubles, ItemTable, Numbers, Signal
from inference.ranking_context import RankingContext
from inference.signals.columns import Block, FeatureGroup, RankingBatch
from inference.signals.source import CandidateSource
from schemas.statistics import ItemStatistics

COLD_ITEMS = 256
COLD_COUNT = 5
NEW_SECONDS = 30 * DAY


class ColdItems(Signal):
    """The newest items with at most `COLD_COUNT` events; at most `COLD_ITEMS`."""

    def __init__(self, *, capacity: int) -> None:
        self._cold: dict[int, None] = {}
        self._numbers: Numbers | None = None

    def add(self, table: ItemTable, number: int) -> None:
        """Take note of a new item; the oldest one gives way."""
        self._cold[number] = None
        self._numbers = None
        if len(self._cold) > COLD_ITEMS:
            del self._cold[next(iter(self._cold))]

    def update(self, table: ItemTable, number: int, row: ItemStatistics) -> None:
        """Drop the item once it has enough events."""
        if row.count > COLD_COUNT:
            self._drop(number)

    def withdraw(self, table: ItemTable, number: int) -> None:
        """Drop the item."""
        self._drop(number)

    def numbers(self) -> Numbers:
        """Return the numbers of the items, oldest first; read-only."""
        if self._numbers is None:
            self._numbers = np.fromiter(self._cold, np.int64, len(self._cold))
        return self._numbers

    def _drop(self, number: int) -> None:
        if number in self._cold:
            del self._cold[number]
            self._numbers = None


def propose(context: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Return the cold items that became available last, newest first."""
    cold = table.signal(ColdItems).numbers()[::-1]
    return cold[~context.blocked[cold]][:size]


def reason(context: RankingContext, table: ItemTable, item: int) -> str:
    """Return "new" for an item of the last month, by its release or else by its first event."""
    released = float(table.availability.from_time[item])
    if not (np.isfinite(released) and released > 0.0):
        released = float(table.first_at[item]) if table.count[item] else -np.inf
    is_new = context.query.reason_time - released <= NEW_SECONDS
    return "new" if is_new else "hardly anybody knows this yet"


def age_days(now: float | Doubles, at: Doubles) -> Doubles:
    """Return the days from each time until now, none below zero.

    >>> age_days(86_400.0, np.array([0.0])).tolist()
    [1.0]
    """
    return np.maximum(0.0, now - at) / DAY


def fill(batch: RankingBatch) -> Block:
    """Return the time since the first and the last event, and the number of events."""
    table, items = batch.table, batch.items
    has_events = table.count[items] > 0
    age = np.log1p(age_days(batch.now, table.first_at[items])) / 3.0
    idle = np.log1p(age_days(batch.now, table.last_at[items]) * 24.0) / 4.0
    count = np.log1p(table.count[items]) / 4.0
    return np.stack([np.where(has_events, age, 0.0), np.where(has_events, idle, 2.0), count])


NEW_ITEM_SOURCE = CandidateSource(name="newest", propose=propose, size=5, reason=reason)
LIFETIME_COLUMNS = FeatureGroup(group="age", names=("age", "idle", "events"), fill=fill)
