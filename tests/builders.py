"""Small values for tests, and the whole loop in memory."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from msgspec.structs import replace

from agents.memory.record import memory_id
from features.memory_state import MemoryStateStore
from features.ports import StateStore
from inference.exploration import Exploration
from inference.learning.weights_file import initial_weights
from inference.local_ranker import LocalRanker
from inference.ranking.features import FeatureTable
from inference.recommender import Recommender
from inference.signals.registry import make_item_table
from schemas.ids import EventId, ItemId, UserId
from schemas.interactions import Click, Impression, Rating, Skip
from schemas.items import Item
from schemas.memories import Memory, Predicate, Subject
from schemas.recommendations import Recommendation
from schemas.topics import INTERACTIONS, ITEMS, RECOMMENDATIONS
from streams.handlers.deps import Deps, Options
from streams.worker.in_memory_runner import InMemoryRunner

START = 1_700_000_000.0
_numbers = count()


def event_id() -> EventId:
    return EventId(f"e{next(_numbers)}")


def click(user: str, item: str, at: float = 0.0, **more: Any) -> Click:
    return Click(event_id=event_id(), user_id=UserId(user), event_time=START + at, item_id=ItemId(item), **more)


def rating(user: str, item: str, value: float, at: float = 0.0) -> Rating:
    return Rating(event_id=event_id(), user_id=UserId(user), event_time=START + at, item_id=ItemId(item), value=value)


def skip(user: str, item: str, at: float = 0.0) -> Skip:
    return Skip(event_id=event_id(), user_id=UserId(user), event_time=START + at, item_id=ItemId(item))


def impression(user: str, items: tuple[str, ...], list_id: str, at: float = 0.0) -> Impression:
    return Impression(
        event_id=event_id(),
        user_id=UserId(user),
        event_time=START + at,
        items=tuple(ItemId(item) for item in items),
        list_id=list_id,
    )


def item(name: str, *categories: str, **more: Any) -> Item:
    return Item(item_id=ItemId(name), title=name.title(), categories=categories, available_from=START - 1e6, **more)


def memory(user: str, value: str, predicate: Predicate = "likes", subject: Subject = "category", **more: Any) -> Memory:
    base = Memory(
        memory_id=memory_id(UserId(user), subject, predicate, value),
        user_id=UserId(user),
        subject=subject,
        predicate=predicate,
        value=value,
        strength=1.0,
        evidence=(),
        valid_from=0.0,
        recorded_from=0.0,
        source="inferred",
    )
    return replace(base, **more)


def make_deps(
    *,
    clock: Callable[[], float] = lambda: START + 1e6,
    options: Options | None = None,
    exploration: Exploration | None = None,
    knowledge: bool = False,
) -> Deps:
    table, features = make_item_table(), FeatureTable(knowledge=knowledge)
    ranker = LocalRanker(initial_weights(features.columns))
    return Deps(
        table=table,
        recommender=Recommender(table, ranker, features=features, exploration=exploration),
        clock=clock,
        options=options or Options(person_partitions=4, item_partitions=4),
    )


def make_runner(*, store: StateStore | None = None, **more: Any) -> InMemoryRunner:
    return InMemoryRunner(make_deps(), store or MemoryStateStore(), **more)


def small_catalogue(runner: InMemoryRunner, *, per_category: int = 8) -> None:
    """Send a catalogue of three categories: war-0…, comedy-0…, drama-0…, and of three studios."""
    for category in ("war", "comedy", "drama"):
        for number in range(per_category):
            name = f"{category}-{number}"
            runner.send(ITEMS, name, item(name, category, attributes={"studio": f"studio-{number % 3}"}))
    runner.run()


def send_event(runner: InMemoryRunner, event: Any, topic: str = INTERACTIONS) -> None:
    runner.send(topic, event.user_id, event)
    runner.run()


def newest_list(runner: InMemoryRunner, user: str) -> Recommendation:
    from schemas.codec import decode

    records = [record for record in runner.log.records(RECOMMENDATIONS) if record.key == user.encode()]
    newest = max((decode(RECOMMENDATIONS, r.value, now=START + 1e6) for r in records), key=lambda r: r.version)
    assert isinstance(newest, Recommendation)
    return newest
