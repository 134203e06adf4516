"""Faust's consumer as a worker needs it: committed records alone, read on from where the states stand.

Faust reads on from committed offsets, which outlive a state store that lost data, and gives out records before
partitions are claimed. Here nothing is fetched of a partition before it is taken up, and the taker says where to begin.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import faust
from aiokafka.errors import IllegalStateError
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer
from faust.types import TP

from streams.worker.stall_watch import PartitionProgress

logger = logging.getLogger(__name__)

LeasePartitions = Callable[[], Awaitable[Mapping[tuple[str, int], int]]]
"""Claims what is assigned: the next offset to read of each partition, by topic (as on the cluster) and partition."""


class CommittedThread(AIOKafkaConsumerThread):
    """Reads records of committed transactions alone, which Faust does only in transactions of its own."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        return consumer


class OwnersConsumer(Consumer):
    """A consumer whose partitions are paused until `App.lease_partitions` has claimed them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._asked = self._answered = 0
        self._leasing: asyncio.Task[None] | None = None

    def _new_consumer_thread(self) -> CommittedThread:
        return CommittedThread(self, loop=self.loop, beacon=self.beacon)

    @property
    def _owner(self) -> OwnersApp:
        return cast(OwnersApp, self.app)

    @property
    def is_leased(self) -> bool:
        """Whether what is assigned now is claimed and read."""
        return self._asked == self._answered

    async def perform_seek(self) -> None:
        """Called by Faust after each rebalance, before it fetches: 1 pause 2 claim 3 seek 4 fetch.

        Returns after the first step, as the others may have to wait for the store, and Faust waits for so long only.
        """
        self.pause_partitions(self.assignment())
        self._asked += 1
        if self._leasing is None or self._leasing.done():
            self._leasing = asyncio.create_task(self._lease_partitions())
            self._leasing.add_done_callback(self._ended)

    async def _lease_partitions(self) -> None:
        while not self.is_leased:
            asked = self._asked
            starts = await self._owner.lease_partitions()
            if asked == self._asked:
                await self._begin({TP(*at): offset for at, offset in starts.items()})
                self._answered = asked

    async def _begin(self, starts: Mapping[TP, int]) -> None:
        """Fetch from these offsets on; what is assigned otherwise by now is left to the next rebalance."""
        mine = {tp: offset for tp, offset in starts.items() if tp in self.assignment()}
        for tp, offset in mine.items():
            for kept in (self._acked, self._acked_index, self._gap):
                kept.pop(tp, None)
            self._committed_offset[tp] = offset or None
        try:
            await self._thread.seek_wait(mine)
        except IllegalStateError:
            logger.info("the partitions are assigned anew meanwhile")
            return
        self.resume_partitions(mine)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (exc := task.exception()) is not None:
            self._owner.give_up(exc)

    def readings(self) -> dict[TP, PartitionProgress]:
        """Every assigned partition that something is known of."""
        consumer = self._thread._ensure_consumer()
        found = {}
        for tp in self.assignment():
            state = consumer._subscription.subscription.assignment.state_value(tp)
            if state is not None and state.has_valid_position and state.highwater is not None:
                stable = state.highwater if state.lso is None or state.lso < 0 else state.lso
                found[tp] = PartitionProgress(state.position, stable, state.highwater)
        return found


class OwnersApp(faust.App):
    """A Faust app that reads by an `OwnersConsumer`; whoever builds it sets both callables."""

    lease_partitions: LeasePartitions
    give_up: Callable[[BaseException], None]

    def _new_transport(self) -> Any:
        transport: Any = super()._new_transport()
        transport.Consumer = OwnersConsumer
        return transport

    async def _on_agent_error(self, agent: Any, exc: BaseException) -> None:
        """Faust begins an agent anew after an error, and what it was about is lost; here the process begins anew."""
        self.give_up(exc)
