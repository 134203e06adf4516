"""Same in, same out: however events are batched, redelivered, cut by crashes or split over workers."""

from __future__ import annotations

import random

import pytest

from features.memory_state import MemoryStateStore
from schemas.topics import BY_NAME, INTERACTIONS, RECOMMENDATIONS
from streams.routes import WORKER_INPUTS
from streams.state.partition_store import ITEMS, PEOPLE
from streams.state.rebuild import differences, in_order, rebuild_people
from streams.worker.in_memory_runner import Crash, InMemoryRunner, Subscriber
from tests.builders import click, make_deps, rating, skip, small_catalogue


def events(number: int, seed: int = 1) -> list:
    rng = random.Random(seed)
    generated = []
    for at in range(number):
        user, name = f"u{rng.randrange(12)}", f"{rng.choice(('war', 'comedy', 'drama'))}-{rng.randrange(8)}"
        kind = rng.random()
        late = rng.randrange(0, 50) if kind < 0.1 else 0
        if kind < 0.2:
            generated.append(skip(user, name, at=at * 30 - late))
        elif kind < 0.5:
            generated.append(rating(user, name, rng.randrange(1, 6), at=at * 30 - late))
        else:
            generated.append(click(user, name, at=at * 30 - late))
    return generated


def runner_with(work: list, **more) -> tuple[InMemoryRunner, MemoryStateStore]:  # type: ignore[no-untyped-def]
    store = MemoryStateStore()
    runner = InMemoryRunner(make_deps(), store, **more)
    small_catalogue(runner)
    for event in work:
        runner.send(INTERACTIONS, event.user_id, event)
    return runner, store


WORK = events(250)


def undisturbed() -> MemoryStateStore:
    runner, store = runner_with(WORK)
    runner.run()
    return store


@pytest.mark.parametrize("batch", [2, 7, 64, 1_000])
def test_users_are_the_same_however_events_are_batched(batch: int) -> None:
    runner, store = runner_with(WORK, batch=batch)
    runner.run()
    assert differences(store, undisturbed(), PEOPLE, 4) == []


@pytest.mark.parametrize("point", ["before-publish", "before-store", "before-acknowledge"])
def test_crashes_at_any_point_change_nothing(point: str) -> None:
    rng = random.Random(3)

    def crash_sometimes(at: str) -> None:
        if at == point and rng.random() < 0.2:
            raise Crash(at)

    runner, store = runner_with(WORK, batch=9)
    log = runner.log
    for _ in range(400):
        runner = InMemoryRunner(
            runner.deps, store, log, batch=9, redelivers=rng.randrange(4), interrupt=crash_sometimes
        )
        try:
            runner.run()
        except Crash:
            continue
        break
    assert differences(store, undisturbed(), PEOPLE, 4) == []
    assert sorted(key for p in range(4) for key, _ in store.scan(ITEMS, p)) == sorted(
        key for p in range(4) for key, _ in undisturbed().scan(ITEMS, p)
    )


def test_a_log_that_drops_read_records_changes_nothing_and_subscribers_read_each_record_once() -> None:
    store, seen = MemoryStateStore(), []
    subscriber = Subscriber((INTERACTIONS, RECOMMENDATIONS), seen.extend)
    runner = InMemoryRunner(make_deps(), store, forgets=True, subscribers=(subscriber,))
    small_catalogue(runner)
    for event in WORK:
        runner.send(INTERACTIONS, event.user_id, event)
        runner.run()
        assert not any(runner.log.records(topic) for topic in BY_NAME)
    assert differences(store, undisturbed(), PEOPLE, 4) == []
    positions = [(record.topic, record.partition, record.offset) for record in seen]
    assert len(positions) == len(set(positions))
    whole, _ = runner_with(WORK)
    whole.run()
    assert len(positions) == len(whole.log.records(INTERACTIONS)) + len(whole.log.records(RECOMMENDATIONS))


def test_a_rebuild_from_the_log_is_identical() -> None:
    runner, store = runner_with(WORK, batch=5)
    runner.run()
    records = [record for topic in WORKER_INPUTS for record in runner.log.records(topic)]
    assert differences(rebuild_people(records, runner.deps), store, PEOPLE, 4) == []


def test_a_rebuild_reads_partitions_in_the_order_of_offsets_whatever_the_producers_clocks_say() -> None:
    runner, _ = runner_with(WORK)
    records = runner.log.records(INTERACTIONS)
    rng = random.Random(5)
    from msgspec.structs import replace

    skewed = [replace(record, timestamp=rng.random() * 1e6) for record in records]
    for partition in range(4):
        offsets = [record.offset for record in in_order(skewed) if record.partition == partition]
        assert offsets == sorted(offsets)
