"""The whole loop in one process, over an in-memory log: for tests and replay.

The same handlers, in the same order of effects as on Kafka: publish, store with offsets, acknowledge. What a crash
between two of them leaves behind can be tried by `interrupt`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from features.ports import StateStore
from schemas.codec import encode
from schemas.record import Record
from schemas.topics import BY_NAME, ITEM_DELTAS
from streams.deps import Deps
from streams.on_item_deltas import on_item_deltas
from streams.outcome import Outcome
from streams.owner import ITEMS, PEOPLE, Owner
from streams.partitions import partition_of
from streams.people import handle_people
from streams.records import Inbound, Message
from streams.routes import PERSON_INPUTS, TABLES
from streams.tables import apply_tables

EVERYTHING = 1_000_000
Point = Literal["before-publish", "before-store", "before-acknowledge"]


class MemoryLog:
    """Topics in memory: append-only partitions of records, with the real partitioner."""

    def __init__(self, *, person_partitions: int, item_partitions: int, clock: Callable[[], float]) -> None:
        self._counts = {"person": person_partitions, "item": item_partitions, "one": 1}
        self._clock = clock
        self.partitions: dict[str, list[list[Inbound]]] = {
            name: [[] for _ in range(self._counts[topic.spread])] for name, topic in BY_NAME.items()
        }

    def append(self, topic: str, key: str | None, value: bytes | None, *, partition: int | None = None) -> Inbound:
        """One more record, at the end of its partition."""
        logs = self.partitions[topic]
        place = partition if partition is not None else partition_of(key or "", len(logs))
        record = Inbound(
            topic=topic,
            partition=place,
            offset=len(logs[place]),
            key=key.encode() if key is not None else None,
            value=value,
            timestamp=self._clock(),
        )
        logs[place].append(record)
        return record

    def publish(self, messages: Sequence[Message]) -> None:
        """See `streams.ports.Publisher`."""
        for message in messages:
            value = encode(message.value) if message.value is not None else None
            partition = partition_of(message.owner, len(self.partitions[message.topic])) if message.owner else None
            self.append(message.topic, message.key, value, partition=partition)

    def records(self, topic: str) -> list[Inbound]:
        """All records of a topic, partition by partition."""
        return [record for log in self.partitions[topic] for record in log]


class Crash(Exception):
    """Raised by an `interrupt` to stop the runner where a process could die."""


class MemoryRunner:
    """One worker over a `MemoryLog`; several of them may share log and store, each with its own partitions."""

    def __init__(
        self,
        deps: Deps,
        store: StateStore,
        log: MemoryLog | None = None,
        *,
        batch: int = 1,
        owns: Sequence[int] | None = None,
        redelivers: int = 0,
        interrupt: Callable[[Point], None] = lambda point: None,
    ) -> None:
        options = deps.options
        self.deps = deps
        self.log = log or MemoryLog(
            person_partitions=options.person_partitions, item_partitions=options.item_partitions, clock=deps.clock
        )
        self._batch = batch
        self._redelivers = redelivers
        self._interrupt = interrupt
        self._people = Owner(store, scope=PEOPLE, partitions=options.person_partitions)
        self._items = Owner(store, scope=ITEMS, partitions=options.item_partitions)
        self._people.assign(range(options.person_partitions) if owns is None else owns)
        self._items.assign(range(options.item_partitions) if owns is None else owns)
        self._read: dict[tuple[str, int], int] = {}

    def send(self, topic: str, key: str | None, value: Record | bytes | None, *, partition: int | None = None) -> None:
        """Produce one record, as an application would."""
        self.log.append(topic, key, encode(value) if isinstance(value, Record) else value, partition=partition)

    def run(self) -> None:
        """Handle everything there is, until nothing more follows from it."""
        while self._tables() or self._item_deltas() or self._person_batch():
            pass

    def _next(self, topics: Sequence[str], owner: Owner | None, limit: int) -> list[Inbound]:
        """The next unread records of these topics, partition by partition; of an owner's own partitions alone."""
        taken: list[Inbound] = []
        for topic in topics:
            for partition, log in enumerate(self.log.partitions[topic]):
                if owner is not None and partition not in owner.held:
                    continue
                at = self._position(topic, partition, owner)
                found = log[at : at + limit - len(taken)]
                self._read[(topic, partition)] = at + len(found)
                taken += found
        return taken

    def _position(self, topic: str, partition: int, owner: Owner | None) -> int:
        """Where to read on: after what was read, or at first after what the store has (less what is redelivered)."""
        known = self._read.get((topic, partition))
        if known is not None or owner is None:
            return known or 0
        applied = owner.applied(partition).get(f"{topic}-{partition}", -1)
        return max(0, applied + 1 - self._redelivers)

    def _tables(self) -> bool:
        taken = self._next(tuple(TABLES), None, EVERYTHING)
        apply_tables(taken, self.deps)
        return bool(taken)

    def _item_deltas(self) -> bool:
        taken = self._next((ITEM_DELTAS,), self._items, EVERYTHING)
        if taken:
            self._carry_out(on_item_deltas(taken, self._items, now=self.deps.clock()), self._items)
        return bool(taken)

    def _person_batch(self) -> bool:
        taken = self._next(PERSON_INPUTS, self._people, self._batch)
        if taken:
            self._carry_out(handle_people(taken, self._people, self.deps), self._people)
        return bool(taken)

    def _carry_out(self, outcome: Outcome, owner: Owner) -> None:
        """1 publish 2 store states with offsets 3 acknowledge: the order in which a crash may cut them."""
        self._interrupt("before-publish")
        self.log.publish(outcome.messages)
        self._interrupt("before-store")
        owner.store_outcome(outcome)
        self._interrupt("before-acknowledge")
