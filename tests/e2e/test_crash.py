"""Crashes of workers: no event is lost or has a double effect, and states are as without a crash."""

from __future__ import annotations

import random
import threading

import msgspec
import pytest

from features.ports import StateStore
from schemas.statistics import ItemStatistics
from streams.handlers.on_item_deltas import FOLDED_OFFSETS_KEY
from streams.state.partition_store import PEOPLE
from streams.state.rebuild import differences
from tests.builders import click, skip
from tests.e2e.system import System, wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow]


def events_of(number: int, seed: int) -> list:
    rng = random.Random(seed)
    events = []
    for at in range(number):
        user, name = f"u{rng.randrange(150)}", f"{rng.choice(('war', 'comedy', 'drama'))}-{rng.randrange(8)}"
        events.append((skip if rng.random() < 0.1 else click)(user, name, at=at * 2.0))
    return events


def rows(store: StateStore) -> dict[str, ItemStatistics]:
    decoder = msgspec.msgpack.Decoder(ItemStatistics)
    states = {key: state for partition in range(4) for key, state in store.scan("items", partition)}
    return {key: decoder.decode(state) for key, state in states.items() if key != FOLDED_OFFSETS_KEY}


def assert_undisturbed(system: System, events: list) -> None:
    users, items = system.undisturbed()
    assert differences(system.store, users, PEOPLE, 4) == []
    stored, expected = rows(system.store), rows(items)
    chosen = [event.item_id for event in events if type(event).__name__ == "Click"]
    assert {name: row.count for name, row in stored.items()} == {name: chosen.count(name) for name in set(chosen)}
    for name, row in stored.items():
        assert row.popularity == pytest.approx(expected[name].popularity, rel=1e-9)
    answered = {event for each in system.lists() for event in each.trigger_event_ids}
    assert {event.event_id for event in events} <= answered


def test_killing_the_worker_at_random_moments_loses_no_event_and_doubles_none(make_system) -> None:  # type: ignore[no-untyped-def]
    system: System = make_system(worker={"batch_max": 50})  # small batches: it is killed in the middle of them
    system.catalogue()
    events = events_of(5_000, seed=7)
    rng = random.Random(11)
    worker = system.start()
    sender = threading.Thread(target=lambda: [system.send(events[at : at + 50]) for at in range(0, len(events), 50)])
    sender.start()
    for _ in range(3):
        progress = len(system.records("recommendations")) + rng.randrange(50, 600)
        wait_until(
            lambda wanted=progress: len(system.records("recommendations")) >= min(wanted, 1_500),
            seconds=60,
            what="the worker is at work",
        )
        system.kill(worker)
        worker = system.start()
    sender.join()
    system.wait_applied(seconds=120)
    assert_undisturbed(system, events)


def test_two_workers_share_the_partitions_and_reach_the_same_state_as_one(system: System) -> None:
    system.catalogue()
    events = events_of(1_500, seed=5)
    workers = [system.start(), system.start()]
    system.send(events[:500])
    system.wait_applied(seconds=90)
    system.send(events[500:1_000])
    system.kill(workers[0])
    system.send(events[1_000:])
    system.wait_applied(seconds=90)
    assert_undisturbed(system, events)
