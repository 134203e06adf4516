"""One query in terms of the item table: item numbers, weights and blocked items, read by signals."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np
from msgspec import Struct

from features.user_segment import user_segment
from features.user_state import UserState
from inference.items.table import Bools, Doubles, ItemTable, Numbers
from inference.query import Query
from schemas.ids import ItemId
from schemas.statistics import Segment

RECENT_ITEMS = 40
TRACE_DECAY = 0.93
"""The weight of an item of the history against that of the next newer one."""

Result = TypeVar("Result")
Computed = Callable[["RankingContext", ItemTable], Result]


class RankingContext(Struct, frozen=True, kw_only=True):
    """One query as arrays. `recent` are item numbers, newest first, distinct; `rewards` is the newest reward of each,
    and `trace` its weight by rank.

    `consumed` are items that were chosen, `consumed_count` how often, `consumed_first_at` and `consumed_at` when first
    and last; `unchosen_rewards` are the rewards of items that were only skipped, disliked or viewed. `blocked` are the
    items that the list may not hold, `[items]`. `computed` holds what `once_per_query` has computed.
    """

    query: Query
    segment: Segment
    recent: Numbers
    rewards: Doubles
    trace: Doubles
    consumed: Numbers
    consumed_count: Numbers
    consumed_first_at: Doubles
    consumed_at: Doubles
    unchosen_rewards: dict[int, float]
    blocked: Bools
    repeats: bool
    computed: dict[object, Any] = {}


def once_per_query(compute: Computed[Result]) -> Computed[Result]:
    """Let several sources and columns of a query share one computation; callers must not change what it returns."""

    @wraps(compute)
    def shared(context: RankingContext, table: ItemTable) -> Result:
        if compute not in context.computed:
            context.computed[compute] = compute(context, table)
        return cast(Result, context.computed[compute])

    return shared


def make_ranking_context(query: Query, table: ItemTable, *, repeats: bool) -> RankingContext:
    """Return the query in terms of the table; `repeats` says whether consumed items may be candidates."""
    recent, rewards = _recent(query.user, table)
    (consumed, count, first_at, last_at), unchosen_rewards = _user_item_arrays(query.user, table)
    blocked = _blocked(query, table)
    if not repeats:
        blocked[consumed] = True
    return RankingContext(
        query=query,
        segment=user_segment(query.user, query.now, query.session_id),
        recent=recent,
        rewards=rewards,
        trace=TRACE_DECAY ** np.arange(len(recent), dtype=np.float64),
        consumed=consumed,
        consumed_count=count,
        consumed_first_at=first_at,
        consumed_at=last_at,
        unchosen_rewards=unchosen_rewards,
        blocked=blocked,
        repeats=repeats,
    )


def _numbers(table: ItemTable, items: Iterable[str]) -> Numbers:
    numbers = [number for number in map(table.number.get, map(ItemId, items)) if number is not None]
    return np.array(numbers, np.int64)


ConsumedArrays = tuple[Numbers, Numbers, Doubles, Doubles]


def _user_item_arrays(state: UserState, table: ItemTable) -> tuple[ConsumedArrays, dict[int, float]]:
    """Return consumed items with their counts, first and last times, and the rewards of items that were not chosen."""
    get = table.number.get
    by_item = state.user_item_statistics.items()
    statistics = [(number, own) for item, own in by_item if (number := get(item)) is not None]
    consumed = [(number, own) for number, own in statistics if own.count]
    numbers = np.array([number for number, _ in consumed], np.int64)
    counts = np.array([own.count for _, own in consumed], np.int64)
    first_at = np.array([own.first_at for _, own in consumed], np.float64)
    last_at = np.array([own.last_at for _, own in consumed], np.float64)
    return (numbers, counts, first_at, last_at), {number: own.reward for number, own in statistics if not own.count}


def _recent(state: UserState, table: ItemTable) -> tuple[Numbers, Doubles]:
    """Return the newest chosen items, each once, with the newest reward of each: `[recent]` both."""
    newest: dict[int, float] = {}
    for entry in reversed(state.recent):
        number = table.number.get(entry.item_id)
        if entry.feedback_weight > 0.0 and number is not None:
            newest.setdefault(number, entry.reward)
    return np.array(list(newest)[:RECENT_ITEMS], np.int64), np.array(list(newest.values())[:RECENT_ITEMS])


def _blocked(query: Query, table: ItemTable) -> Bools:
    """Return which items are withdrawn, unavailable, hidden or banned: `[items]`."""
    blocked = table.unavailable(query.now if query.shown_at is None else query.shown_at, query.locale)
    blocked[_numbers(table, query.user.hidden)] = True
    blocked[_numbers(table, query.preferences.banned_items)] = True
    for name in query.preferences.banned_categories:
        blocked[table.by_category.members(name)] = True
    return blocked
