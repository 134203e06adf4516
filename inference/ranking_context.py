"""One query in terms of the item table: item numbers, weights, what is blocked, and a score of every item by source.

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
from features.user_state import UserState
from inference.query import Query
from schemas.ids import ItemId

RECENT_ITEMS = 40
FADE = 0.93
"""What one step back in the person's history weighs against the step after it."""
NEAR_ITEMS = 12
NEAR_FADE = 0.6
"""The same for what goes with the very newest items."""
LATELY = 5
"""How many of the newest items make the taste of now."""
STEPS = 3
"""How many of the newest items say what comes directly next."""
WORDS_OF = 10
"""How many of the newest items lend their words."""


class RankingContext(Struct, frozen=True, kw_only=True):
    """What one query knows. `recent` are item numbers, newest first, distinct; `trace` their weights.

    `consumed` are items that were chosen, `consumed_count` how often and `consumed_at` when last; `judged` is the
    rewards of those that were only skipped, disliked or looked at.
    """

    query: Query
    recent: Numbers
    rewards: Doubles
    trace: Doubles
    consumed: Numbers
    consumed_count: Numbers
    consumed_at: Doubles
    judged: dict[int, float]
    blocked: Bools
    repeats: bool
    covisit: Doubles
    covisit_near: Doubles
    transition: Doubles
    words: Doubles
    affinity: NDArray[np.float32]
    profile: NDArray[np.float32]
    tastes: Doubles


def make_ranking_context(query: Query, table: ItemTable, *, repeats: bool) -> RankingContext:
    """The query over the table; `repeats` says whether consumed items may be candidates."""
    recent, rewards = _recent(query.user, table)
    trace = FADE ** np.arange(len(recent), dtype=np.float64)
    (consumed, count, consumed_at), judged = _touched(query.user, table)
    blocked = _blocked(query, table)
    if not repeats:
        blocked[consumed] = True
    return RankingContext(
        query=query,
        recent=recent,
        rewards=rewards,
        trace=trace,
        consumed=consumed,
        consumed_count=count,
        consumed_at=consumed_at,
        judged=judged,
        blocked=blocked,
        repeats=repeats,
        **_scores(query, table, recent, trace),
        affinity=table.factors.affinity(recent, max(1, len(table))),
        profile=_profile(table.content, recent, trace),
        tastes=_tastes(table, recent, rewards),
    )


def _numbers(table: ItemTable, items: Iterable[str]) -> Numbers:
    found = [number for number in map(table.number.get, map(ItemId, items)) if number is not None]
    return np.array(found, np.int64)


def _touched(state: UserState, table: ItemTable) -> tuple[tuple[Numbers, Numbers, Doubles], dict[int, float]]:
    """Consumed items with how often and when last, and the rewards of judged ones."""
    get = table.number.get
    known = [(number, touch) for item, touch in state.user_item_statistics.items() if (number := get(item)) is not None]
    consumed = [one for one in known if one[1].count]
    numbers = np.array([number for number, _ in consumed], np.int64)
    counts = np.array([touch.count for _, touch in consumed], np.int64)
    last_at = np.array([touch.last_at for _, touch in consumed], np.float64)
    return (numbers, counts, last_at), {number: touch.reward for number, touch in known if not touch.count}


def _recent(state: UserState, table: ItemTable) -> tuple[Numbers, Doubles]:
    """The newest chosen items, each once, and the newest rewards of each."""
    newest: dict[int, float] = {}
    for entry in reversed(state.recent):
        number = table.number.get(entry.item_id)
        if entry.feedback_weight > 0.0 and number is not None:
            newest.setdefault(number, entry.reward)
    return np.array(list(newest)[:RECENT_ITEMS], np.int64), np.array(list(newest.values())[:RECENT_ITEMS])


def _blocked(query: Query, table: ItemTable) -> Bools:
    """Withdrawn, unavailable, hidden and banned: `[items]`."""
    blocked = table.unavailable(query.now if query.shown_at is None else query.shown_at, query.locale)
    blocked[_numbers(table, query.user.hidden)] = True
    blocked[_numbers(table, query.preferences.banned_items)] = True
    for name in query.preferences.banned_categories:
        blocked[table.by_category.members(name)] = True
    return blocked


def _scores(query: Query, table: ItemTable, recent: Numbers, trace: Doubles) -> dict[str, Doubles]:
    """Every item's score by each way of knowing the person, `[items]` each (or `[1]` for an empty table)."""
    size = max(1, len(table))
    if not len(recent):
        return dict.fromkeys(("covisit", "covisit_near", "transition", "words"), np.zeros(size))
    root = table.inverse_root[:size]
    now = _since_landmark(query.now, COVISIT_HALF_LIFE)
    seed = trace * root[recent] * now
    nearest = recent[:NEAR_ITEMS]
    near = NEAR_FADE ** np.arange(len(nearest)) * root[nearest] * now
    last = recent[:STEPS]
    step = 0.5 ** np.arange(len(last)) * root[last] ** 2 * _since_landmark(query.now, TRANSITION_HALF_LIFE)
    together = _around(recent, table.covisited, table.covisiting)
    return {
        "covisit": _spread(*together, seed, size) * root,
        "covisit_near": _spread(*together, near, size) * root,
        "transition": _spread(*_around(last, table.followed), step, size),
        "words": table.words.scores(recent[:WORDS_OF], trace[:WORDS_OF], size),
    }


def _since_landmark(now: float, half_life: HalfLife) -> float:
    """Return the factor that carries weights from the landmark to `now`."""
    return float(np.exp2((LANDMARK - now) / half_life.seconds))


def _around(recent: Numbers, *kinds: Neighbours) -> tuple[Numbers, NDArray[np.float32]]:
    """The neighbours of the recent items, of all these kinds, and their weights: `[recent, width of all]`."""
    ids = np.concatenate([kind.ids[recent] for kind in kinds], axis=1, dtype=np.int64)
    return ids, np.concatenate([kind.weights[recent] for kind in kinds], axis=1)


def _spread(ids: Numbers, weights: NDArray[np.float32], seed: Doubles, size: int) -> Doubles:
    """What neighbours get from the first `len(seed)` of the recent items: sum of seed x weight, `[items]`."""
    steps = len(seed)
    given = (weights[:steps] * seed[:, None]).ravel()
    total: Doubles = np.bincount(ids[:steps].ravel(), given, minlength=size)[:size].astype(np.float64, copy=False)
    return total


def _profile(content: NDArray[np.float32], recent: Numbers, trace: Doubles) -> NDArray[np.float32]:
    if not len(recent):
        return np.zeros(content.shape[1], np.float32)
    mean: NDArray[np.float32] = (trace @ content[recent] / trace.sum()).astype(np.float32)
    return mean


def _tastes(table: ItemTable, recent: Numbers, rewards: Doubles) -> Doubles:
    """How the person's choices spread over categories, `[3, categories + 1]`: lately, in the long run, by rewards."""
    size = len(table.by_category) + 1
    tastes = np.zeros((3, size))
    if len(recent):
        held = table.by_category.at(recent)
        lately = held[:, :LATELY]
        tastes[0] = np.bincount(lately.ravel(), minlength=size) / lately.shape[1]
        tastes[1] = np.bincount(held.ravel(), minlength=size) / len(recent)
        tastes[2] = np.bincount(held.ravel(), np.tile(rewards, len(held)), minlength=size) / len(recent)
        tastes[:, 0] = 0.0
    return tastes


def age_days(now: float | Doubles, at: Doubles) -> Doubles:
    """Days from each time until now, none below zero.

    >>> age_days(86_400.0, np.array([0.0])).tolist()
    [1.0]
    """
    return np.maximum(0.0, now - at) / DAY
