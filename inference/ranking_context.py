"""One query in terms of the item table: item numbers, weights, blocked items, and a score of every item by source.

Everything here is arrays of length `[items]` or `[recent]`, made once per query and read by sources and features.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from features.decay import DAY
from features.half_lives import COVISIT_HALF_LIFE, TRANSITION_HALF_LIFE, HalfLife
from features.item_neighbours import Neighbours
from features.item_table import LANDMARK, Bools, Doubles, ItemTable, Numbers
from features.user_segment import user_segment
from features.user_state import UserState
from inference.query import Query
from schemas.ids import ItemId
from schemas.statistics import Segment

RECENT_ITEMS = 40
TRACE_DECAY = 0.93
"""The weight of an item of the history against that of the next newer one."""
NEAR_ITEMS = 12
NEAR_DECAY = 0.6
"""The same for co-visitation with the newest few items."""
TASTE_ITEMS = 5
"""How many of the newest items make the short-term taste."""
TRANSITION_STEPS = 3
"""How many of the newest items transitions start from."""
WORD_ITEMS = 10
"""How many of the newest items are compared by words."""


class RankingContext(Struct, frozen=True, kw_only=True):
    """One query as arrays. `recent` are item numbers, newest first, distinct.

    `consumed` are items that were chosen, `consumed_count` how often and `consumed_at` when last; `unchosen_rewards`
    are the rewards of items that were only skipped, disliked or viewed.
    """

    query: Query
    segment: Segment
    recent: Numbers
    consumed: Numbers
    consumed_count: Numbers
    consumed_at: Doubles
    unchosen_rewards: dict[int, float]
    blocked: Bools
    repeats: bool
    covisit: Doubles
    covisit_near: Doubles
    transition: Doubles
    words: Doubles
    affinity: NDArray[np.float32]
    content_profile: NDArray[np.float32]
    tastes: Doubles


def make_ranking_context(query: Query, table: ItemTable, *, repeats: bool) -> RankingContext:
    """Return the query in terms of the table; `repeats` says whether consumed items may be candidates."""
    recent, rewards = _recent(query.user, table)
    trace = TRACE_DECAY ** np.arange(len(recent), dtype=np.float64)
    (consumed, count, consumed_at), unchosen_rewards = _user_item_arrays(query.user, table)
    blocked = _blocked(query, table)
    if not repeats:
        blocked[consumed] = True
    return RankingContext(
        query=query,
        segment=user_segment(query.user, query.now, query.session_id),
        recent=recent,
        consumed=consumed,
        consumed_count=count,
        consumed_at=consumed_at,
        unchosen_rewards=unchosen_rewards,
        blocked=blocked,
        repeats=repeats,
        **_scores(query, table, recent, trace),
        affinity=table.factors.affinity(recent, max(1, len(table))),
        content_profile=_content_profile(table.content, recent, trace),
        tastes=_tastes(table, recent, rewards),
    )


def _numbers(table: ItemTable, items: Iterable[str]) -> Numbers:
    numbers = [number for number in map(table.number.get, map(ItemId, items)) if number is not None]
    return np.array(numbers, np.int64)


def _user_item_arrays(state: UserState, table: ItemTable) -> tuple[tuple[Numbers, Numbers, Doubles], dict[int, float]]:
    """Return consumed items with their counts and last times, and the rewards of items that were not chosen."""
    get = table.number.get
    by_item = state.user_item_statistics.items()
    statistics = [(number, own) for item, own in by_item if (number := get(item)) is not None]
    consumed = [(number, own) for number, own in statistics if own.count]
    numbers = np.array([number for number, _ in consumed], np.int64)
    counts = np.array([own.count for _, own in consumed], np.int64)
    last_at = np.array([own.last_at for _, own in consumed], np.float64)
    return (numbers, counts, last_at), {number: own.reward for number, own in statistics if not own.count}


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


def _scores(query: Query, table: ItemTable, recent: Numbers, trace: Doubles) -> dict[str, Doubles]:
    """Return every item's score by co-visitation, transitions and words, `[items]` each (`[1]` for an empty table)."""
    size = max(1, len(table))
    if not len(recent):
        return dict.fromkeys(("covisit", "covisit_near", "transition", "words"), np.zeros(size))
    root = table.inverse_root[:size]
    decay = _since_landmark(query.now, COVISIT_HALF_LIFE)
    seed = trace * root[recent] * decay
    nearest = recent[:NEAR_ITEMS]
    near = NEAR_DECAY ** np.arange(len(nearest)) * root[nearest] * decay
    last = recent[:TRANSITION_STEPS]
    step = 0.5 ** np.arange(len(last)) * root[last] ** 2 * _since_landmark(query.now, TRANSITION_HALF_LIFE)
    together = _around(recent, table.covisited, table.covisiting)
    return {
        "covisit": _spread(*together, seed, size) * root,
        "covisit_near": _spread(*together, near, size) * root,
        "transition": _spread(*_around(last, table.followed), step, size),
        "words": table.words.scores(recent[:WORD_ITEMS], trace[:WORD_ITEMS], size),
    }


def _since_landmark(now: float, half_life: HalfLife) -> float:
    """Return the factor that carries weights from the landmark to `now`."""
    return float(np.exp2((LANDMARK - now) / half_life.seconds))


def _around(recent: Numbers, *kinds: Neighbours) -> tuple[Numbers, NDArray[np.float32]]:
    """Return the neighbours of the recent items, of all these kinds, and their weights: `[recent, width of all]`."""
    ids = np.concatenate([kind.ids[recent] for kind in kinds], axis=1, dtype=np.int64)
    return ids, np.concatenate([kind.weights[recent] for kind in kinds], axis=1)


def _spread(ids: Numbers, weights: NDArray[np.float32], seed: Doubles, size: int) -> Doubles:
    """Sum seed x weight over the neighbours of the first `len(seed)` recent items, by item: `[items]`."""
    steps = len(seed)
    contributions = (weights[:steps] * seed[:, None]).ravel()
    sums = np.bincount(ids[:steps].ravel(), contributions, minlength=size)[:size]
    return sums.astype(np.float64, copy=False)


def _content_profile(content: NDArray[np.float32], recent: Numbers, trace: Doubles) -> NDArray[np.float32]:
    if not len(recent):
        return np.zeros(content.shape[1], np.float32)
    mean: NDArray[np.float32] = (trace @ content[recent] / trace.sum()).astype(np.float32)
    return mean


def _tastes(table: ItemTable, recent: Numbers, rewards: Doubles) -> Doubles:
    """Return how choices spread over categories, `[3, categories + 1]`: short-term, long-term, and by rewards."""
    size = len(table.by_category) + 1
    tastes = np.zeros((3, size))
    if len(recent):
        categories = table.by_category.at(recent)
        newest = categories[:, :TASTE_ITEMS]
        tastes[0] = np.bincount(newest.ravel(), minlength=size) / newest.shape[1]
        tastes[1] = np.bincount(categories.ravel(), minlength=size) / len(recent)
        tastes[2] = np.bincount(categories.ravel(), np.tile(rewards, len(categories)), minlength=size) / len(recent)
        tastes[:, 0] = 0.0
    return tastes


def age_days(now: float | Doubles, at: Doubles) -> Doubles:
    """Return the days from each time until now, none below zero.

    >>> age_days(86_400.0, np.array([0.0])).tolist()
    [1.0]
    """
    return np.maximum(0.0, now - at) / DAY
