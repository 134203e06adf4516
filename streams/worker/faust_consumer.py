"""Faust's consumer as a worker needs it: it reads committed records alone, from the stored offsets of the states.

Faust reads on from committed offsets, which outlive a state store that lost data, and delivers records before their
partitions are leased. This consumer fetches nothing of a partition before it is leased, from the offset of its lease.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, cast

import faust
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.errors import IllegalStateError
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer
from faust.types import TP

from streams.worker.stall_watch import PartitionProgress

logger = logging.getLogger(__name__)

LeasePartitions = Callable[[], Awaitable[Mapping[tuple[str, int], int]]]
"""Leases the assigned partitions; returns the next offset to read, by topic (as on the cluster) and partition."""


FETCH_WAIT_MS = 250
"""How long a broker may hold a fetch for all partitions: it answers as soon as one of them has a record."""
PARTIAL_FETCH_WAIT_MS = 10
"""How long a broker may hold a fetch for some partitions.

aiokafka has one fetch at a time in flight to a broker, for the partitions that have nothing buffered. While a worker is
busy, the busy partitions are buffered, and the fetch is for idle ones: whatever arrives meanwhile is fetched only after
it. With Faust's 1,500 ms a worker that fell behind once had its lists late by seconds from then on, and was idle.
"""


class CommittedThread(AIOKafkaConsumerThread):
    """Reads records of committed transactions alone, as soon as they are there; Faust does neither by itself."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        return consumer

    async def on_start(self) -> None:
        """Start the client."""
        await super().on_start()
        wait_by_what_is_buffered(self._ensure_consumer()._fetcher)


def wait_by_what_is_buffered(fetcher: Fetcher) -> None:
    """Let fetches wait long at the broker while nothing is buffered: an idle worker then asks four times a second."""
    requests = fetcher._get_actions_per_node

    def timed_requests(assignment: Any) -> Any:
        fetcher._fetch_max_wait_ms = PARTIAL_FETCH_WAIT_MS if fetcher._records else FETCH_WAIT_MS
        return requests(assignment)

    fetcher._get_actions_per_node = timed_requests


class OwnersConsumer(Consumer):
    """A consumer whose partitions are paused until `OwnersApp.lease_partitions` has leased them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._rebalances = self._leased_rebalance = 0
        self._leasing: asyncio.Task[None] | None = None

    def _new_consumer_thread(self) -> CommittedThread:
        return CommittedThread(self, loop=self.loop, beacon=self.beacon)

    @property
    def _owner(self) -> OwnersApp:
        return cast(OwnersApp, self.app)

    @property
    def is_leased(self) -> bool:
        """Return whether all assigned partitions are leased and read."""
        return self._rebalances == self._leased_rebalance

    async def perform_seek(self) -> None:
        """Prepare reading after a rebalance: 1 pause 2 lease 3 seek 4 fetch. Faust calls it before it fetches.

        Returns after the first step: the others may wait for the store, and Faust waits for a limited time only.
        """
        self.pause_partitions(self.assignment())
        self._rebalances += 1
        if self._leasing is None or self._leasing.done():
            self._leasing = asyncio.create_task(self._lease_partitions())
            self._leasing.add_done_callback(self._ended)

    async def _lease_partitions(self) -> None:
        while not self.is_leased:
            rebalance = self._rebalances
            starts = await self._owner.lease_partitions()
            if rebalance == self._rebalances:
                await self._begin({TP(*at): offset for at, offset in starts.items()})
                self._leased_rebalance = rebalance

    async def _begin(self, starts: Mapping[TP, int]) -> None:
        """Fetch from these offsets on; partitions that are not assigned any more are left to the next rebalance."""
        assigned = {tp: offset for tp, offset in starts.items() if tp in self.assignment()}
        for tp, offset in assigned.items():
            for cache in (self._acked, self._acked_index, self._gap):
                cache.pop(tp, None)
            self._committed_offset[tp] = offset or None
        try:
            await self._thread.seek_wait(assigned)
        except IllegalStateError:
            logger.info("the partitions were assigned anew meanwhile")
            return
        self.resume_partitions(assigned)

    async def _drain_messages(self, fetcher: Any) -> None:
        """Deliver records as they are fetched, all of one fetch before anything else runs; Faust's fetcher calls it.

        Faust itself returns to the event loop with each record. Then a batch holds the few that were delivered just
        before it, however many wait, and a worker that is behind gets no fuller batches.
        """
        try:
            while not (self.should_stop or fetcher.should_stop):
                await asyncio.sleep(0)
                async for tp, message in self.getmany(timeout=1.0):
                    await self._deliver(tp, message)
        except asyncio.CancelledError:
            # Faust's fetcher would take it for a crash while the app stops.
            if not self.app.should_stop:
                raise
        except self.consumer_stopped_errors:
            if not self.app.should_stop:
                raise

    async def _deliver(self, tp: TP, message: Any) -> None:
        """Deliver a record unless it was delivered before; waits while the stream's queue is full."""
        last = self._read_offset[tp]
        if last is not None and message.offset < last:
            return
        if last and message.offset > last + 1 and self.app.topics.acks_enabled_for(message.topic):
            await self._add_gap(tp, last + 1, message.offset)
        delivered = self.callback(message)
        if self._owner.has_room():
            await delivered
        else:
            await self.wait_first(delivered, self.suspend_flow.wait())
        self._read_offset[tp] = message.offset

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (exc := task.exception()) is not None:
            self._owner.give_up(exc)

    async def look_for_missing_topics(self) -> None:
        """Have the cluster described again if no partition of some topic is assigned here, though others are.

        Such a topic did not exist when partitions were assigned. The client itself looks for it every five minutes,
        and until then a topic that is there again is not read.
        """
        consumer = self._thread._ensure_consumer()
        found = {tp.topic for tp in self.assignment()}
        if found and (missing := consumer.subscription() - found):
            logger.warning("not read until they exist: %s", sorted(missing))
            await self._thread.call_thread(_rejoin_when_there, consumer, missing)

    def readings(self) -> dict[TP, PartitionProgress]:
        """Return the progress of every assigned partition of which the client knows position and end."""
        consumer = self._thread._ensure_consumer()
        readings = {}
        for tp in self.assignment():
            state = consumer._subscription.subscription.assignment.state_value(tp)
            if state is not None and state.has_valid_position and state.highwater is not None:
                stable = state.highwater if state.lso is None or state.lso < 0 else state.lso
                readings[tp] = PartitionProgress(state.position, stable, state.highwater)
        return readings


async def _rejoin_when_there(consumer: AIOKafkaConsumer, missing: Iterable[str]) -> None:
    """Have the partitions of the group assigned again if one of these topics exists by now."""
    await consumer._client.force_metadata_update()
    if any(consumer.partitions_for_topic(topic) for topic in missing):
        consumer._coordinator.request_rejoin()


class OwnersApp(faust.App):
    """A Faust app that reads by an `OwnersConsumer`; its builder sets the callables.

    `has_room` returns whether the stream's queue takes another record.
    """

    lease_partitions: LeasePartitions
    give_up: Callable[[BaseException], None]
    has_room: Callable[[], bool]

    def _new_transport(self) -> Any:
        transport: Any = super()._new_transport()
        transport.Consumer = OwnersConsumer
        return transport

    async def _on_agent_error(self, agent: Any, exc: BaseException) -> None:
        """End the process: Faust would restart the agent alone, and its records in hand would be lost."""
        self.give_up(exc)
