"""The worker's pipeline: while the effects of one batch are carried out, the next batch is decided already.

Effects keep their order, batch after batch: 1 publish 2 store states with offsets 3 acknowledge. A batch that is
decided ahead depends on states that are not stored yet; a crash loses both, and both follow from the log again. If
another owner has written in between, all batches that are not stored are decided again on the partitions that are still
leased.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from schemas.errors import Fenced
from streams.handlers.deps import Deps
from streams.log.in_flight import Span
from streams.log.ports import Observer, Publisher, Receipt
from streams.log.records import Inbound
from streams.outcomes.batch_outcome import BatchOutcome
from streams.retry import STATE_RETRY, server_of
from streams.state.partition_store import PartitionStore
from streams.worker.user_batch import handle_user_batch

logger = logging.getLogger(__name__)
T = TypeVar("T")
BATCHES_AHEAD = 1
"""How many batches may be decided and not stored, beside the one whose effects are carried out."""
SLOW_EFFECTS_SECONDS = 2.0
"""Effects that take longer wait for a server: from then on no record in flight is blamed for a death."""


class Acknowledges(Protocol):
    """The handle of a record at its consumer."""

    def ack(self) -> object:
        """Acknowledge the record."""
        ...


@dataclass(frozen=True)
class Decided:
    """A decided batch whose effects are pending; `done` is resolved after them, or when the batch is decided again."""

    events: Sequence[Acknowledges]
    records: Sequence[Inbound]
    outcome: BatchOutcome
    receipt: Receipt
    spans: list[Span]
    done: asyncio.Future[None]


class Pipeline:
    """Handles the batches of one worker, in order. `lease_again` leases the assigned partitions after a fence.

    Batches are decided in the event loop: this needs the interpreter, which a second thread would only compete for.
    Effects wait for servers, in a thread. While a store is away everything waits, and with it the partitions. Leases
    change only while no batch is being decided and no effect is pending.
    """

    def __init__(
        self,
        owner: PartitionStore,
        deps: Deps,
        publisher: Publisher,
        observer: Observer,
        *,
        lease_again: Callable[[], Awaitable[None]],
    ) -> None:
        self._owner = owner
        self._deps = deps
        self._publisher = publisher
        self._observer = observer
        self._lease_again = lease_again
        self._pending: deque[Decided] = deque()
        self._effects: asyncio.Task[None] | None = None
        self._deciding = asyncio.Lock()
        self._deciding_now = 0
        self.waiting = False
        """Whether a store is away now."""
        self.handled = 0
        """How many records were decided and carried out: it grows while there is progress."""
        self.waiting_records: Callable[[], int] = lambda: 0
        """Returns how many records wait in front of the pipeline."""

    @property
    def queued(self) -> int:
        """Return how many records are fetched and not carried out yet."""
        return self.waiting_records() + self._deciding_now + sum(len(decided.records) for decided in self._pending)

    async def handle(self, events: Sequence[Acknowledges], records: Sequence[Inbound]) -> None:
        """Decide a batch; returns when it is decided and at most `BATCHES_AHEAD` others wait for their effects.

        Raises the error that ended the effects of an earlier batch.
        """
        self._deciding_now = len(records)
        if self._deps.in_flight.has_suspects:
            # Of two batches in flight at a death neither can be blamed: a suspect waits until it is alone.
            await self.drain()
        while len(self._pending) > BATCHES_AHEAD:
            await self._first_done()
        async with self._deciding:
            self._raise_if_failed()
            spans = self._deps.in_flight.begin(records)
            self._pending.append(await self._decide(events, records, spans))
        self._deciding_now = 0
        self.handled += len(records)
        if self._effects is None or self._effects.done():
            self._raise_if_failed()
            self._effects = asyncio.create_task(self._carry_out_all())

    async def drain(self) -> None:
        """Return when all effects are done."""
        while self._pending:
            await self._first_done()
        self._raise_if_failed()

    async def between_batches(self, call: Callable[[], Awaitable[None]]) -> None:
        """Await `call` when no batch is being decided and all effects are done."""
        while True:
            await self.drain()
            async with self._deciding:
                if not self._pending:
                    return await call()

    async def _first_done(self) -> None:
        if self._effects is not None:
            await asyncio.wait({self._effects, self._pending[0].done}, return_when=asyncio.FIRST_COMPLETED)
        self._raise_if_failed()

    def _raise_if_failed(self) -> None:
        if self._effects is not None and self._effects.done():
            self._effects.result()

    async def _decide(self, events: Sequence[Acknowledges], records: Sequence[Inbound], spans: list[Span]) -> Decided:
        async def decide() -> Decided:
            outcome = handle_user_batch(records, self._owner, self._deps)
            receipt = self._publisher.post(outcome.messages)
            self._owner.keep(outcome)
            return Decided(events, records, outcome, receipt, spans, asyncio.get_running_loop().create_future())

        while True:
            try:
                return await self._when_available(decide)
            except Fenced as exc:
                logger.warning("%d records are decided again: %s", len(records), exc)
                await self._lease_again()

    async def _carry_out_all(self) -> None:
        while self._pending:
            first = self._pending[0]
            try:
                await self._when_available(partial(self._carry_out_in_thread, first))
            except Fenced as exc:
                await self._decide_again(exc)
            else:
                self._acknowledge(first)
                self._deps.in_flight.end(first.spans)
                self._pending.popleft()
                self.handled += len(first.records)
                first.done.set_result(None)

    async def _carry_out_in_thread(self, decided: Decided) -> None:
        carried_out = asyncio.get_running_loop().run_in_executor(None, partial(self._carry_out, decided))
        if not (await asyncio.wait({carried_out}, timeout=SLOW_EFFECTS_SECONDS))[0]:
            # Kafka does not acknowledge: the publisher waits for it without end.
            self._deps.in_flight.rest()
        await carried_out

    def _carry_out(self, decided: Decided) -> None:
        decided.receipt.wait()
        published = self._deps.clock()
        self._owner.save(decided.outcome)
        self._observer.batch_done(decided.outcome, published=published, stored=self._deps.clock())

    def _acknowledge(self, decided: Decided) -> None:
        """Acknowledge the records that are applied here; the new owner of a partition acknowledges the others."""
        for event, record in zip(decided.events, decided.records, strict=True):
            if record.partition in self._owner.assigned and not self._owner.is_new(record):
                event.ack()

    async def _decide_again(self, fence: Fenced) -> None:
        """Decide all records that are not stored again, as one batch, on the partitions that are leased then."""
        async with self._deciding:
            pending = list(self._pending)
            events = [event for decided in pending for event in decided.events]
            records = [record for decided in pending for record in decided.records]
            logger.warning("%d records are decided again: %s", len(records), fence)
            await self._lease_again()
            redecided = await self._decide(events, records, self._deps.in_flight.begin(records))
            self._pending.clear()
            self._pending.append(redecided)
        for decided in pending:
            self._deps.in_flight.end(decided.spans)
            decided.done.set_result(None)

    async def _when_available(self, call: Callable[[], Awaitable[T]]) -> T:
        """Await a call, again while the state store or Kafka is away; `waiting` says so meanwhile."""

        def report_wait(error: BaseException) -> None:
            self.waiting = True
            self._deps.in_flight.rest()
            self._observer.waiting_for(server_of(error))
            logger.warning("waiting: %s", error)

        result = await STATE_RETRY.call_async(call, sleep=asyncio.sleep, on_error=report_wait)
        self.waiting = False
        return result
