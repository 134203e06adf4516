"""Servers that are away for a while: events wait or lists name the degradation, and all recovers by itself."""

from __future__ import annotations

import time

import pytest

from deploy.clients import make_memory_index
from deploy.embedded.stack import Stack
from inference.encoders.hashed_words import HashedWords
from schemas.errors import StoreUnavailable
from schemas.ids import UserId
from tests.builders import click
from tests.e2e.system import System, hung, wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow]


def pid_of(embedded: Stack, name: str) -> int:
    return next(row.pid for row in embedded.status() if row.name == name)


def answered(system: System) -> set[str]:
    return {event for each in system.lists() for event in each.trigger_event_ids}


def begin(system: System) -> None:
    system.catalogue()
    system.start()
    system.send([click("first", "war-0")])
    system.wait_applied()


def test_while_triton_is_away_lists_name_the_degradation_and_recover(system: System, embedded: Stack) -> None:
    begin(system)
    with hung(pid_of(embedded, "triton")):
        system.send([click("ann", "war-0", at=number) for number in range(5)])
        wait_until(lambda: system.newest("ann") is not None, seconds=20, what="a list without Triton")
        newest = system.newest("ann")
        assert newest is not None
        assert newest.degradations == ("ranker-local",)

    def recovered() -> bool:
        system.send([click("bob", "war-1", at=time.monotonic())])
        system.wait_applied()
        newest = system.newest("bob")
        return newest is not None and newest.degradations == ()

    wait_until(recovered, seconds=30, what="lists are whole again")


@pytest.mark.parametrize("name", ["redis", "kafka"])
def test_events_sent_while_a_server_hangs_are_answered_when_it_is_back(
    system: System, embedded: Stack, name: str
) -> None:
    begin(system)
    events = [click(f"u{number % 5}", f"war-{number % 8}", at=number) for number in range(100)]
    system.send(events[:50])
    if name == "redis":
        with hung(pid_of(embedded, name)):
            system.send(events[50:])
            time.sleep(6)
    else:
        with hung(pid_of(embedded, name)):
            time.sleep(6)
        system.send(events[50:])
    wait_until(lambda: {event.event_id for event in events} <= answered(system), seconds=90, what="all are answered")


def test_a_killed_redis_comes_back_and_no_event_is_lost(system: System, embedded: Stack) -> None:
    import psutil

    begin(system)
    events = [click(f"u{number % 5}", f"war-{number % 8}", at=number) for number in range(100)]
    system.send(events[:50])
    psutil.Process(pid_of(embedded, "redis")).kill()
    system.send(events[50:])
    wait_until(lambda: {event.event_id for event in events} <= answered(system), seconds=60, what="all are answered")
    system.wait_applied()
    users, _ = system.undisturbed()
    from streams.state.partition_store import PEOPLE
    from streams.state.rebuild import differences

    assert differences(system.store, users, PEOPLE, 4) == []


def test_while_milvus_is_away_lists_go_on_and_memories_reach_it_afterwards(system: System, embedded: Stack) -> None:
    begin(system)
    system.start("projector")
    with hung(pid_of(embedded, "milvus")):
        system.send([click("ann", "war-0", at=1), click("ann", "war-1", at=2)])
        wait_until(lambda: system.newest("ann") is not None, seconds=20, what="a list without Milvus")
    index = make_memory_index(system.settings)
    query = HashedWords().encode(["likes war"])[0]

    def is_found() -> bool:
        # The projector makes the collection with the first memory.
        try:
            return [memory.value for memory in index.search(UserId("ann"), query, 3)] == ["war"]
        except StoreUnavailable:
            return False

    wait_until(is_found, seconds=120, what="the memory in Milvus")
