"""Shapes of a log: transactions, deleted records, topics created again. No record is read twice or skipped."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions

from deploy.topics import create_topics
from schemas.codec import encode
from schemas.interactions import Click
from schemas.topics import INTERACTIONS
from streams.log.partitions import partition_of
from tests.builders import click
from tests.e2e.supervised import Supervised, counts
from tests.e2e.system import System, wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow]
STALL = 6.0


def transaction(system: System, event: Click) -> Producer:
    """Return a producer with one event in an open transaction."""
    config = {"partitioner": "murmur2_random", "transactional.id": f"{system.cluster.prefix}{event.event_id}"}
    producer = Producer(system.cluster.config(config))
    producer.init_transactions()
    producer.begin_transaction()
    producer.produce(system.cluster.topic(INTERACTIONS), key=event.user_id, value=encode(event))
    producer.flush()
    return producer


def stays(supervised: Supervised, seconds: float) -> None:
    """Check that no process is restarted for so many seconds: more than the stall watch waits."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        supervised.restart_ended()
        time.sleep(0.5)
    assert supervised.restarts.total() == 0


def test_aborted_events_have_no_effect_and_transaction_markers_and_deleted_records_are_no_stall(
    make_system: Callable[..., System],
) -> None:
    system = make_system(worker={"stall_seconds": STALL})
    system.catalogue()
    supervised = Supervised(system)
    system.send([click("ann", "war-0", at=0)])
    supervised.wait_applied()
    committed = click("ann", "war-1", at=1)
    transaction(system, committed).commit_transaction()
    transaction(system, click("ann", "war-2", at=2)).abort_transaction()
    transaction(system, click("bob", "war-3", at=3)).abort_transaction()
    system.send([click("cid", f"war-{n}", at=n) for n in range(5)])
    wait_until(lambda: counts(system.store).get("war-1") == 2, seconds=30, what="the committed event is applied")
    admin = AdminClient(system.cluster.config())
    cids = TopicPartition(system.cluster.topic(INTERACTIONS), partition_of("cid", 4), -1)
    admin.delete_records([cids])[cids].result()
    hanging = transaction(system, click("dan", "war-4", at=4))
    stays(supervised, STALL + 12.0)
    hanging.commit_transaction()
    system.send([click("dan", "war-5", at=5), click("cid", "war-6", at=6)])
    wait_until(lambda: {"war-5", "war-6"} <= counts(system.store).keys(), seconds=30, what="reading goes on")
    assert "war-2" not in {name for name, count in counts(system.store).items() if count > 1}
    newest = system.newest("ann")
    assert newest is not None
    assert newest.trigger_event_ids == (committed.event_id,)
    assert system.newest("bob") is None
    assert supervised.restarts.total() == 0


def test_a_rebuild_equals_the_stored_states_though_the_log_ends_in_transaction_markers(system: System) -> None:
    system.catalogue()
    supervised = Supervised(system)
    system.send([click(f"u{n}", "war-0", at=n) for n in range(8)])
    for user in ("u1", "u2"):
        transaction(system, click(user, "war-1", at=20)).commit_transaction()
        transaction(system, click(user, "war-2", at=21)).abort_transaction()
    applied = {"war-0": 8, "war-1": 2}
    wait_until(lambda: counts(system.store) == applied, seconds=90, what="the committed events are applied")
    system.close_processes()
    assert supervised.restarts.total() == 0
    assert "0 states differ" in system.command("rebuild", "--check")


@pytest.mark.parametrize("is_missed", [False, True], ids=["made again at once", "missed before"])
def test_events_of_a_topic_that_was_made_again_are_applied_once(system: System, is_missed: bool) -> None:
    system.catalogue()
    supervised = Supervised(system)
    system.send([click(f"u{n % 5}", f"war-{n % 3}", at=n) for n in range(60)])
    supervised.wait_applied()
    admin = AdminClient(system.cluster.config())
    topic = system.cluster.topic(INTERACTIONS)
    admin.delete_topics([topic])[topic].result()
    wait_until(lambda: topic not in admin.list_topics(timeout=5).topics, seconds=20, what="the topic is deleted")
    if is_missed:
        wait_until(lambda: "not read until they exist" in system.log("worker"), seconds=30, what="the worker misses it")
    wait_until(lambda: bool(create_topics(system.settings, system._admin)), seconds=20, what="the topic is there again")
    system.send([click(f"u{n % 5}", f"comedy-{n % 3}", at=100 + n) for n in range(9)])
    once = {"war-0": 20, "war-1": 20, "war-2": 20, "comedy-0": 3, "comedy-1": 3, "comedy-2": 3}

    def is_counted_once() -> bool:
        supervised.restart_ended()
        return counts(system.store) == once

    wait_until(is_counted_once, seconds=60, what="each event counts once, those of the old topic too")
    time.sleep(2.0)
    assert is_counted_once()
    newest = system.newest("u1")
    assert newest is not None
    assert newest.applied[f"{INTERACTIONS}-{partition_of('u1', 4)}"] < 9
    assert max(supervised.restarts.values(), default=0) <= 1


def test_added_partitions_are_reported(system: System) -> None:
    worker = system.start()
    system.send([click("ann", "war-0", at=0)])
    system.wait_applied()
    topic = system.cluster.topic(INTERACTIONS)
    admin = AdminClient(system.cluster.config())
    admin.create_partitions([NewPartitions(topic, 5)])[topic].result()
    worker.wait(60)
    again = system.start()
    assert again.wait(30) != 0
    assert "interactions: has 5 partitions, the settings say 4" in system.log("worker")
