"""One query in terms of the item table: item numbers, weights and blocked items, read by signals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np
from msgspec import Struct

from features.user_segment import user_segment
from features.user_state import UserState
from inference.items.goal_steps import StepOptions, step_options
from inference.items.statements import block_items, block_unwanted
from inference.items.table import Bools, Doubles, ItemTable, Numbers
from inference.query import Query
from schemas.statistics import Segment

RECENT_ITEMS = 40
TRACE_DECAY = 0.93
"""The weight of an item of the history against that of the next newer one."""

TRACE = TRACE_DECAY ** np.arange(RECENT_ITEMS, dtype=np.float64)

Result = TypeVar("Result")
Computed = Callable[["RankingContext", ItemTable], Result]
ComputedTogether = Callable[["RankedTogether", ItemTable], Sequence[Result]]


class RankedTogether(Struct, frozen=True, kw_only=True):
    """The queries that are ranked together, as far as their scores are computed together: their `recent` items and
    their times, by row. `computed` holds what `once_per_batch` has computed.
    """

    recent: list[Numbers] = []
    now: list[float] = []
    computed: dict[object, Any] = {}


class RankingContext(Struct, frozen=True, kw_only=True):
    """One query as arrays. `choices` are the item numbers of the user's newest choices, oldest first, and `choices_at`
    their times. `recent` are the same items, newest first, distinct; `rewards` is the newest reward of each, and
    `trace` its weight by rank.

    `consumed` are items that were chosen, `consumed_count` how often, `consumed_first_at` and `consumed_at` when first
    and last; `unchosen_rewards` are the rewards of items that were only skipped, disliked or viewed. `blocked` are the
    items that the list may not hold, `[items]`, and `steps` the next steps of the user's goals. `computed` holds what
    `once_per_query` has computed. The query is the `row`th of those that are ranked `together`.
    """

    query: Query
    segment: Segment
    choices: Numbers
    choices_at: Doubles
    recent: Numbers
    rewards: Doubles
    trace: Doubles
    consumed: Numbers
    consumed_count: Numbers
    consumed_first_at: Doubles
    consumed_at: Doubles
    unchosen_rewards: dict[int, float]
    blocked: Bools
    steps: tuple[StepOptions, ...]
    repeats: bool
    together: RankedTogether
    row: int
    computed: dict[object, Any] = {}


def once_per_query(compute: Computed[Result]) -> Computed[Result]:
    """Let several sources and columns of a query share one computation; callers must not change what it returns."""

    @wraps(compute)
    def shared(context: RankingContext, table: ItemTable) -> Result:
        if compute not in context.computed:
            context.computed[compute] = compute(context, table)
        return cast(Result, context.computed[compute])

    return shared


def once_per_batch(compute: ComputedTogether[Result]) -> Computed[Result]:
    """Share a computation as `once_per_query` does; it is made for all queries that are ranked together."""

    @wraps(compute)
    def shared(context: RankingContext, table: ItemTable) -> Result:
        computed = context.together.computed
        if compute not in computed:
            computed[compute] = compute(context.together, table)
        return cast(Result, computed[compute][context.row])

    return shared


def make_ranking_contexts(
    queries: Iterable[Query], table: ItemTable, may_repeat: Callable[[UserState], bool]
) -> list[RankingContext]:
    """Return the contexts of queries that are ranked together; `may_repeat` says whose consumed items may be
    candidates.
    """
    together = RankedTogether()
    return [make_ranking_context(query, table, repeats=may_repeat(query.user), together=together) for query in queries]


def make_ranking_context(
    query: Query, table: ItemTable, *, repeats: bool, together: RankedTogether | None = None
) -> RankingContext:
    """Return the query in terms of the table, as one more of those that are ranked `together`; `repeats` says whether
    consumed items may be candidates.
    """
    choices, rewards_of_choices, choices_at = _choices(query.user, table)
    recent, rewards = _recent(choices, rewards_of_choices)
    (consumed, count, first_at, last_at), unchosen_rewards = _user_item_arrays(query.user, table)
    together = RankedTogether() if together is None else together
    together.recent.append(recent)
    together.now.append(query.now)
    blocked = _blocked(query, table)
    if not repeats:
        blocked[consumed] = True
    return RankingContext(
        query=query,
        segment=user_segment(query.user, query.now, query.session_id),
        choices=np.array(choices, np.int64),
        choices_at=np.array(choices_at, np.float64),
        recent=recent,
        rewards=rewards,
        trace=TRACE[: len(recent)],
        consumed=consumed,
        consumed_count=count,
        consumed_first_at=first_at,
        consumed_at=last_at,
        unchosen_rewards=unchosen_rewards,
        blocked=blocked,
        steps=step_options(query.preferences.next_steps, blocked, consumed, table),
        repeats=repeats,
        together=together,
        row=len(together.now) - 1,
    )


ConsumedArrays = tuple[Numbers, Numbers, Doubles, Doubles]


def _user_item_arrays(state: UserState, table: ItemTable) -> tuple[ConsumedArrays, dict[int, float]]:
    """Return consumed items with their counts, first and last times, and the rewards of items that were not chosen."""
    get, consumed, unchosen_rewards = table.number.get, [], {}
    for item, own in state.user_item_statistics.items():
        number = get(item)
        if number is not None and own.count:
            consumed.append((number, own.count, own.first_at, own.last_at))
        elif number is not None:
            unchosen_rewards[number] = own.reward
    numbers, counts, first_at, last_at = zip(*consumed, strict=True) if consumed else ((), (), (), ())
    arrays = np.array(numbers, np.int64), np.array(counts, np.int64), np.array(first_at, np.float64)
    return (*arrays, np.array(last_at, np.float64)), unchosen_rewards


def _choices(state: UserState, table: ItemTable) -> tuple[list[int], list[float], list[float]]:
    """Return the newest choices of items that have a number, oldest first: the number, the reward and the time."""
    get, choices, rewards, at = table.number.get, [], [], []
    for entry in state.recent:
        if entry.feedback_weight > 0.0 and (number := get(entry.item_id)) is not None:
            choices.append(number)
            rewards.append(entry.reward)
            at.append(entry.at)
    return choices, rewards, at


def _recent(choices: list[int], rewards: list[float]) -> tuple[Numbers, Doubles]:
    """Return the newest chosen items, each once, newest first, with the newest reward of each: `[recent]` both."""
    newest = dict.fromkeys(reversed(choices))
    by_item = dict(zip(choices, rewards, strict=True))
    items = list(newest)[:RECENT_ITEMS]
    return np.array(items, np.int64), np.array([by_item[item] for item in items], np.float64)


def _blocked(query: Query, table: ItemTable) -> Bools:
    """Return which items are withdrawn, unavailable, hidden, banned or beyond what is wanted: `[items]`."""
    blocked = table.unavailable(query.now if query.shown_at is None else query.shown_at, query.locale)
    block_items(blocked, query.user.hidden, table)
    block_unwanted(blocked, query.preferences, table)
    return blocked
