"""A small world for ranking tests: items of three kinds, users who choose, and everything that follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents.preferences import preferences_of
from features.statistics import fold_delta
from features.user_segment import user_segment
from features.user_state import UserState, fold
from inference.learning.weights_file import initial_weights
from inference.local_ranker import LocalRanker
from inference.query import Query
from inference.ranking.features import FeatureTable
from inference.recommender import Recommender, Repeats
from inference.signals.registry import make_item_table
from schemas.ids import EventId, ItemId, UserId
from schemas.interactions import Click
from schemas.items import Item
from schemas.memories import Memory
from schemas.plans import Plan
from schemas.statistics import ItemDelta, ItemStatistics

START = 1_600_000_000.0
KINDS = ("tea", "coffee", "cake")
FEATURES = FeatureTable()


def item(number: int, **changes: object) -> Item:
    kind = KINDS[number % len(KINDS)]
    values: dict[str, object] = {"title": f"{kind} number {number}", "categories": (kind,), **changes}
    return Item(item_id=ItemId(f"i{number}"), **values)  # type: ignore[arg-type]


class World:
    """States, statistics and the table, moved on by one choice at a time."""

    def __init__(self, items: Sequence[Item] = ()) -> None:
        self.table = make_item_table()
        self.states: dict[UserId, UserState] = {}
        self.rows: dict[ItemId, ItemStatistics] = {}
        self.now = START
        self.events = 0
        for each in items:
            self.table.put_item(each)

    def state(self, user: str) -> UserState:
        return self.states.get(UserId(user), UserState(user_id=UserId(user)))

    def choose(self, user: str, number: int, *, after: float = 60.0) -> None:
        self.now += after
        self.events += 1
        state, chosen = self.state(user), ItemId(f"i{number}")
        earlier = {entry.item_id: self.now - entry.at for entry in reversed(state.recent) if entry.item_id != chosen}
        delta = ItemDelta(
            item_id=chosen,
            source="test",
            offset=self.events,
            event_time=self.now,
            weight=1.0,
            before=tuple(earlier.items())[:24],
            segment=user_segment(state, self.now),
        )
        self.rows[chosen] = fold_delta(self.rows.get(chosen), delta)
        self.table.put_statistics(self.rows[chosen])
        click = Click(event_id=EventId(f"e{self.events}"), user_id=UserId(user), event_time=self.now, item_id=chosen)
        self.states[UserId(user)] = fold(state, click)

    def recommender(self, repeats: Repeats = "learn") -> Recommender:
        ranker = LocalRanker(initial_weights(FEATURES.columns))
        return Recommender(self.table, ranker, features=FEATURES, repeats=repeats)


def query_of(
    world: World,
    user: str,
    *,
    after: float = 0.0,
    memories: Sequence[Memory] = (),
    plan: Plan | None = None,
    **more: Any,
) -> Query:
    """A query so many seconds after the world's last event, with what the user's agent makes of plan and memories."""
    preferences = preferences_of(plan, memories, world.now + after)
    return Query(user=world.state(user), now=world.now + after, plan=plan, preferences=preferences, **more)


def busy_world(people: int = 12, each: int = 6) -> World:
    """Users who mostly stay with one kind: those of one kind choose the same items in the same order."""
    world = World([item(number) for number in range(30)])
    for step in range(each):
        for person in range(people):
            world.choose(f"u{person}", 3 * ((step + person // 3) % 8) + person % 3)
    return world
