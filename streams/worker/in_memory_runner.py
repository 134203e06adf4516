"""The whole loop in one process, over an in-memory log: for tests and replay.

The same handlers, in the same order of effects as on Kafka: publish, store with offsets, acknowledge. What a crash
between two of them leaves behind can be tried by `interrupt`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from msgspec import Struct

from features.ports import StateStore
from schemas.codec import encode
from schemas.errors import LifelongError
from schemas.record import Record
from streams.handlers.deps import Deps
from streams.log.in_memory_log import Cursor, InMemoryLog
from streams.log.ports import Observer, Unobserved
from streams.log.records import Inbound
from streams.outcomes.batch_outcome import BatchOutcome
from streams.routes import AGGREGATOR, WORKER_INPUTS, WORKER_TABLES
from streams.state.partition_store import ITEMS, PEOPLE, PartitionStore
from streams.worker.list_outcomes import note, visit
from streams.worker.lists import default_lists
from streams.worker.tables import apply_tables
from streams.worker.user_batch import handle_user_batch

Point = Literal["before-publish", "before-store", "before-acknowledge"]


class Crash(LifelongError):
    """Raised by an `interrupt` to stop the runner where a process could die."""


class Subscriber(Struct, frozen=True):
    """Somebody else who reads the log, such as the trainer: `take` is called with each record of the topics once."""

    topics: tuple[str, ...]
    take: Callable[[list[Inbound]], None]


class InMemoryRunner:
    """One worker over a `InMemoryLog`; several of them may share log and store, each with its own partitions.

    Before the next batch of people is handled, everything that follows from the last one has been: statistics are in
    the table and subscribers have read. With `forgets` the log drops what was read, so that it never grows; then the
    runner must be the only reader beside its subscribers.
    """

    def __init__(
        self,
        deps: Deps,
        store: StateStore,
        log: InMemoryLog | None = None,
        *,
        batch: int = 1,
        owns: Sequence[int] | None = None,
        redelivers: int = 0,
        interrupt: Callable[[Point], None] = lambda point: None,
        subscribers: Sequence[Subscriber] = (),
        observer: Observer | None = None,
        forgets: bool = False,
    ) -> None:
        options = deps.options
        self.deps = deps
        self.log = log or InMemoryLog(
            person_partitions=options.person_partitions, item_partitions=options.item_partitions, clock=deps.clock
        )
        self._batch = batch
        self._redelivers = redelivers
        self._interrupt = interrupt
        self._observer = observer or Unobserved()
        self._forgets = forgets
        self._people = PartitionStore(store, scope=PEOPLE, partitions=options.person_partitions)
        self._items = PartitionStore(store, scope=ITEMS, partitions=options.item_partitions)
        self._people.assign(range(options.person_partitions) if owns is None else owns)
        self._items.assign(range(options.item_partitions) if owns is None else owns)
        self._events = Cursor(self.log, WORKER_INPUTS, lambda topic, at: self._begin(self._people, topic, at))
        self._deltas = Cursor(self.log, tuple(AGGREGATOR), lambda topic, at: self._begin(self._items, topic, at))
        self._table_records = Cursor(self.log, tuple(WORKER_TABLES), lambda topic, at: 0)
        self._subscribed = [(Cursor(self.log, one.topics, lambda topic, at: 0), one.take) for one in subscribers]

    def send(self, topic: str, key: str | None, value: Record | bytes | None, *, partition: int | None = None) -> None:
        """Produce one record, as an application would."""
        self.log.append(topic, key, encode(value) if isinstance(value, Record) else value, partition=partition)

    def run(self) -> None:
        """Handle everything there is, until nothing more follows from it."""
        while self._tables() or self._item_deltas() or self._tell() or self._person_batch() or self._visit():
            pass
        if self._forgets:
            self.log.forget()

    def publish_default(self) -> None:
        """Publish the list for people never seen, as of the newest statistics."""
        self.log.publish(default_lists(self.deps))

    def _begin(self, owner: PartitionStore, topic: str, partition: int) -> int | None:
        """Where to begin: after what the store has, less what is redelivered; not in what others own."""
        if partition not in owner.held:
            return None
        applied = owner.applied(partition).get(f"{topic}-{partition}", -1)
        return max(0, applied + 1 - self._redelivers)

    def _tables(self) -> bool:
        taken = self._table_records.next()
        apply_tables(taken, self.deps)
        return bool(taken)

    def _item_deltas(self) -> bool:
        taken = self._deltas.next()
        if taken:
            fold = AGGREGATOR[taken[0].topic]
            self._carry_out(fold(taken, self._items, now=self.deps.clock()), self._items)
        return bool(taken)

    def _tell(self) -> bool:
        told = False
        for cursor, take in self._subscribed:
            taken = cursor.next()
            if taken:
                take(taken)
                told = True
        return told

    def _person_batch(self) -> bool:
        taken = self._events.next(self._batch)
        if taken:
            self._carry_out(handle_user_batch(taken, self._people, self.deps), self._people)
        return bool(taken)

    def _visit(self) -> bool:
        done = [found for at in self._people.held if (found := visit(self._people, self.deps, at)) is not None]
        for found in done:
            self.log.publish(found.messages)
            note(self._people, found)
        return bool(done)

    def _carry_out(self, outcome: BatchOutcome, owner: PartitionStore) -> None:
        """1 publish 2 store states with offsets 3 acknowledge: the order in which a crash may cut them."""
        self._interrupt("before-publish")
        self.log.publish(outcome.messages)
        published = self.deps.clock()
        self._interrupt("before-store")
        owner.store_outcome(outcome)
        self._interrupt("before-acknowledge")
        self._observer.batch_done(outcome, published=published, stored=self.deps.clock())
