"""The same memories, consolidated ones among them, from one worker, from two, from a rebuild, and under redelivery."""

from __future__ import annotations

import random
from itertools import count
from typing import Any

import pytest

from features.memory_state import MemoryStateStore
from schemas.ids import ItemId, UserId
from schemas.instructions import BanCategory, Forget, Remember, Undo
from schemas.interactions import Dislike, Like, Purchase
from schemas.memories import Memory
from schemas.topics import INSTRUCTIONS, INTERACTIONS
from streams.routes import WORKER_INPUTS
from streams.state.partition_store import PEOPLE
from streams.state.rebuild import differences, rebuild_people
from streams.state.user_record import unpack
from streams.worker.in_memory_runner import InMemoryRunner
from tests.builders import START, event_id, make_deps, send_event, small_catalogue


def said_and_done(number: int) -> list[tuple[str, Any]]:
    rng, made = random.Random(11), []
    for at in range(number):
        fields: dict[str, Any] = {
            "event_id": event_id(),
            "user_id": UserId(f"u{rng.randrange(6)}"),
            "event_time": START + at * 30.0 - rng.choice((0.0, 0.0, 0.0, 500.0)),
        }
        item = ItemId(f"{rng.choice(('war', 'comedy', 'drama'))}-{rng.randrange(8)}")
        kind = rng.random()
        if kind < 0.9:
            made.append((INTERACTIONS, rng.choice((Like, Like, Purchase, Dislike))(**fields, item_id=item)))
        elif kind < 0.94:
            made.append((INSTRUCTIONS, BanCategory(**fields, category="drama", until=START + at * 30.0 + 900.0)))
        elif kind < 0.97:
            made.append((INSTRUCTIONS, Remember(**fields, predicate="likes", value="war")))
        else:
            made.append((INSTRUCTIONS, Undo(**fields)))
    return made


DONE = said_and_done(120)


def played(done: list[tuple[str, Any]], **more: Any) -> tuple[InMemoryRunner, MemoryStateStore]:
    store = MemoryStateStore()
    runner = InMemoryRunner(make_deps(), store, **more)
    small_catalogue(runner)
    for topic, event in done:
        runner.send(topic, event.user_id, event)
    return runner, store


def memories(store: MemoryStateStore) -> dict[str, tuple[Memory, ...]]:
    agents = {key: unpack(state).agent for p in range(4) for key, state in store.scan(PEOPLE, p)}
    return {user: (*agent.memories, *agent.dormant) for user, agent in agents.items()}


@pytest.fixture(scope="module")
def undisturbed() -> MemoryStateStore:
    runner, store = played(DONE)
    runner.run()
    assert sum(bool(memory.parts) for own in memories(store).values() for memory in own) > 6
    return store


def test_two_workers_and_large_batches_remember_the_same(undisturbed: MemoryStateStore) -> None:
    first, store = played(DONE, owns=(0, 1), batch=17)
    second = InMemoryRunner(first.deps, store, first.log, owns=(2, 3), batch=64)
    first.run()
    second.run()
    assert memories(store) == memories(undisturbed)


def test_a_rebuild_remembers_the_same() -> None:
    ticks = count(1)
    store = MemoryStateStore()
    runner = InMemoryRunner(make_deps(clock=lambda: START + 1e6 + next(ticks)), store)
    small_catalogue(runner)
    for topic, event in DONE:
        send_event(runner, event, topic)
    records = [record for topic in WORKER_INPUTS for record in runner.log.records(topic)]
    assert differences(rebuild_people(records, runner.deps), store, PEOPLE, 4) == []


def test_events_that_are_sent_again_in_any_order_change_no_memory(undisturbed: MemoryStateStore) -> None:
    again = [event for event in DONE if event[0] == INTERACTIONS]
    random.Random(5).shuffle(again)
    runner, store = played([*DONE, *again], batch=9)
    runner.run()
    assert memories(store) == memories(undisturbed)


def test_a_consolidated_memory_is_forgotten_by_instruction(undisturbed: MemoryStateStore) -> None:
    user, whole = next((user, m) for user, own in memories(undisturbed).items() for m in own if m.parts)
    forget = Forget(event_id=event_id(), user_id=UserId(user), event_time=START + 1e5, memory_id=whole.memory_id)
    runner, store = played([*DONE, (INSTRUCTIONS, forget)])
    runner.run()
    assert whole.memory_id not in {memory.memory_id for memory in memories(store)[user]}
