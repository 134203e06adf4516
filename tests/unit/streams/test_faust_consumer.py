"""Records that were fetched are all delivered before anything else runs, each once; fetches wait as they may."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.fetcher import Fetcher, FetchResult
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.structs import TopicPartition
from faust.types import TP

from streams.worker.faust_consumer import (
    FETCH_WAIT_MS,
    PARTIAL_FETCH_WAIT_MS,
    OwnersConsumer,
    wait_by_what_is_buffered,
)

PARTITION = TP("interactions", 0)


def consumer_of(offsets: list[int], *, app_stops: bool = False) -> Any:
    """Return a consumer of which nothing runs but delivery; one fetch brings these offsets, the next never ends."""
    consumer = object.__new__(OwnersConsumer)
    fetches = iter([offsets])
    consumer.delivered = []  # type: ignore[attr-defined]

    async def getmany(timeout: float) -> Any:
        for offset in next(fetches, []):
            yield PARTITION, SimpleNamespace(topic=PARTITION.topic, offset=offset)
        if not offsets or consumer.delivered:  # type: ignore[attr-defined]
            await asyncio.sleep(0.2)

    async def deliver(message: Any) -> None:
        consumer.delivered.append(message.offset)  # type: ignore[attr-defined]

    app = SimpleNamespace(
        should_stop=app_stops, has_room=lambda: True, topics=SimpleNamespace(acks_enabled_for=lambda topic: False)
    )
    for name, value in {"app": app, "getmany": getmany, "callback": deliver, "_read_offset": {PARTITION: 5}}.items():
        object.__setattr__(consumer, name, value)
    consumer._stopped = consumer._crashed = SimpleNamespace(is_set=lambda: False)  # type: ignore[assignment]
    return consumer


async def drained(consumer: Any) -> None:
    """Let the consumer drain until its one fetch is delivered, then cancel it; raises what it raises."""
    task = asyncio.ensure_future(consumer._drain_messages(SimpleNamespace(should_stop=False)))
    while not consumer.delivered:
        await asyncio.sleep(0)
    consumer.at_first_return = list(consumer.delivered)
    task.cancel()
    await task


def test_all_of_a_fetch_is_delivered_at_once_without_what_was_read_before() -> None:
    consumer = consumer_of([3, 4, 5, 6, 9])
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(drained(consumer))
    assert consumer.at_first_return == [5, 6, 9]
    assert consumer._read_offset == {PARTITION: 9}


def test_a_cancellation_while_the_app_stops_is_no_error() -> None:
    asyncio.run(drained(consumer_of([5], app_stops=True)))


async def fetch_waits(buffered: bool) -> set[int]:
    """Return how long the requests of aiokafka's own fetcher may be held, with or without one buffered partition."""
    subscriptions = SubscriptionState()
    fetcher: Any = Fetcher(AIOKafkaClient(bootstrap_servers="127.0.0.1:1"), subscriptions)
    partitions = {TopicPartition("interactions", 0), TopicPartition("interactions", 1)}
    subscriptions.assign_from_user(partitions)
    assignment = subscriptions.subscription.assignment
    for partition in partitions:
        assignment.state_value(partition).seek(0)
    fetcher._select_read_replica = lambda partition: 0
    if buffered:
        first = min(partitions)
        fetcher._records[first] = FetchResult(first, assignment=assignment, partition_records=None, backoff=0)
    wait_by_what_is_buffered(fetcher)
    requests = fetcher._get_actions_per_node(assignment)[0]
    await fetcher.close()
    return {request._max_wait_ms for _, request in requests}


def test_a_fetch_waits_long_unless_records_of_another_partition_are_buffered() -> None:
    assert asyncio.run(fetch_waits(buffered=False)) == {FETCH_WAIT_MS}
    assert asyncio.run(fetch_waits(buffered=True)) == {PARTIAL_FETCH_WAIT_MS}
