"""The whole loop in one process, over an in-memory log: for tests and backtests.

It runs the same handlers, with the same order of effects as on Kafka: publish, store with offsets, acknowledge. Tests
crash it between two of them by `interrupt`.
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
from streams.worker.lists import default_lists
from streams.worker.tables import apply_tables
from streams.worker.user_batch import handle_user_batch
from streams.worker.visits import note, visit

Point = Literal["before-publish", "before-store", "before-acknowledge"]


class Crash(LifelongError):
    """An `interrupt` raises it to stop the runner where a process could die."""


class Subscriber(Struct, frozen=True):
    """Another reader of the log, such as the trainer: `handle` is called with each record of the topics once."""

    topics: tuple[str, ...]
    handle: Callable[[list[Inbound]], None]


class InMemoryRunner:
    """One worker over an `InMemoryLog`; several of them may share log and store, each with its own partitions.

    All that follows from a batch of users is handled before the next one: statistics are in the table and subscribers
    have read. With `forgets` the log drops records that were read, so that it never grows; then the runner must be the
    only reader beside its subscribers.
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
        self._users = PartitionStore(store, scope=PEOPLE, partitions=options.person_partitions)
        self._items = PartitionStore(store, scope=ITEMS, partitions=options.item_partitions)
        self._users.assign(range(options.person_partitions) if owns is None else owns)
        self._items.assign(range(options.item_partitions) if owns is None else owns)
        self._events = Cursor(self.log, WORKER_INPUTS, lambda topic, at: self._begin(self._users, topic, at))
        self._deltas = Cursor(self.log, tuple(AGGREGATOR), lambda topic, at: self._begin(self._items, topic, at))
        self._table_records = Cursor(self.log, tuple(WORKER_TABLES), lambda topic, at: 0)
        self._subscribed = [
            (Cursor(self.log, subscriber.topics, lambda topic, at: 0), subscriber.handle) for subscriber in subscribers
        ]

    def send(self, topic: str, key: str | None, value: Record | bytes | None, *, partition: int | None = None) -> None:
        """Produce one record, as an application would."""
        self.log.append(topic, key, encode(value) if isinstance(value, Record) else value, partition=partition)

    def run(self) -> None:
        """Handle all records, until nothing more follows from them."""
        while self._tables() or self._item_deltas() or self._notify() or self._user_batch() or self._visit():
            pass
        if self._forgets:
            self.log.forget()

    def publish_default(self) -> None:
        """Publish the non-personalised lists, as of the newest statistics."""
        self.log.publish(default_lists(self.deps))

    def _begin(self, owner: PartitionStore, topic: str, partition: int) -> int | None:
        """Return the first offset to read: after the applied one less redeliveries; none in others' partitions."""
        if partition not in owner.assigned:
            return None
        applied = owner.applied(partition).get(f"{topic}-{partition}", -1)
        return max(0, applied + 1 - self._redelivers)

    def _tables(self) -> bool:
        records = self._table_records.next()
        apply_tables(records, self.deps)
        return bool(records)

    def _item_deltas(self) -> bool:
        records = self._deltas.next()
        if records:
            (fold,) = AGGREGATOR.values()
            self._carry_out(fold(records, self._items, now=self.deps.clock()), self._items)
        return bool(records)

    def _notify(self) -> bool:
        has_read = False
        for cursor, handle in self._subscribed:
            records = cursor.next()
            if records:
                handle(records)
                has_read = True
        return has_read

    def _user_batch(self) -> bool:
        records = self._events.next(self._batch)
        if records:
            self._carry_out(handle_user_batch(records, self._users, self.deps), self._users)
        return bool(records)

    def _visit(self) -> bool:
        visits = [due for at in self._users.assigned if (due := visit(self._users, self.deps, at)) is not None]
        for due in visits:
            self.log.publish(due.messages)
            note(self._users, due)
        return bool(visits)

    def _carry_out(self, outcome: BatchOutcome, owner: PartitionStore) -> None:
        """1 publish 2 store states with offsets 3 acknowledge: the order in which a crash may cut them."""
        self._interrupt("before-publish")
        self.log.publish(outcome.messages)
        published = self.deps.clock()
        self._interrupt("before-store")
        owner.store_outcome(outcome)
        self._interrupt("before-acknowledge")
        self._observer.batch_done(outcome, published=published, stored=self.deps.clock())
