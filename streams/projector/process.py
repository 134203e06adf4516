"""The projector: writes what was published to Feast (feature rows) and Milvus (content and learned vectors).

Projections lag the lists by about a second, and are never read on the hot path. Writing one twice changes nothing, so
the projector may restart from any earlier offset: 1 publish dead letters 2 write 3 commit.

It is the one process that reads every record of the compacted topics once, so it writes the dead letters about them. It
waits for a store that is away; a value that a store refuses for good becomes a dead letter, and the rest goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np

from agents.actions.ports import IndexedItem, ItemIndex, Vectors
from agents.memory.embedding import TextVectors, text_of
from agents.memory.ports import MemoryIndex
from features.item_content import content_vector
from features.ports import FeatureStore, OfflineSize
from inference.learning.weights_file import Weights
from schemas.errors import DecodeError, ReasonCode, StoreRefused
from schemas.ids import ItemId, MemoryId, UserId
from schemas.items import Item
from schemas.memories import Memory
from schemas.model_updates import ModelUpdate
from schemas.ranking_log import ErasureEntry
from schemas.topics import ITEMS, MEMORIES, RANKING_LOG
from streams.log.dead_letters import dead_letter
from streams.log.in_flight import InFlight
from streams.log.ports import LogReader, Publisher
from streams.log.records import Inbound
from streams.outcomes.projection import Projection, WithdrawnMemory
from streams.projector.erasing import MemoriesOf, erase, rows_left
from streams.projector.factor_sync import FactorSync
from streams.retry import PROJECTION_RETRY, SERVER_AWAY
from streams.routes import PROJECTOR

logger = logging.getLogger(__name__)
_T = TypeVar("_T")
PROJECTION_WINDOW_SECONDS = 0.8
"""Rows of one window are written together: most of their cost is per write."""


class ProjectorObserver(Protocol):
    """Receives what was projected, for metrics."""

    def projected(self, target: str, rows: int, *, delay: float) -> None:
        """Observe that rows were written; `delay` is the seconds since the oldest of them was published."""
        ...

    def away(self, target: str) -> None:
        """Observe that a store does not answer; the same rows are written again later."""
        ...

    def refused(self, topic: str, reason: ReasonCode) -> None:
        """Observe that a record became a dead letter."""
        ...

    def compacted(self, sizes: Mapping[str, OfflineSize], now: float) -> None:
        """Observe the size of the off-line log, by view."""
        ...


@dataclass(frozen=True)
class Projector:
    """The dependencies of the projector process, built by the wiring.

    `read` returns the weights of a URI, none if newer ones have replaced them.
    """

    reader: LogReader
    features: FeatureStore
    memories: MemoryIndex
    vectors: TextVectors
    items: ItemIndex
    factors: ItemIndex
    read: Callable[[str], Weights | None]
    memories_of: MemoriesOf
    publisher: Publisher
    observer: ProjectorObserver
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    sent: FactorSync = field(default_factory=FactorSync)
    in_flight: InFlight = field(default_factory=InFlight)


def run(projector: Projector, *, until: Callable[[], bool]) -> None:
    """Project until `until` holds; the off-line log is compacted in the time that a window leaves."""
    while not until():
        began = projector.clock()
        records = projector.reader.poll(5_000, 0.5)
        if records:
            for part in projector.in_flight.split(records):
                with projector.in_flight.handling(records[part]):
                    if not project(projector, records[part], until=until):
                        return
            projector.reader.commit()
        projector.observer.compacted(projector.features.compact(projector.clock()), projector.clock())
        if records:
            projector.sleep(max(0.0, PROJECTION_WINDOW_SECONDS - (projector.clock() - began)))


def project(projector: Projector, records: Sequence[Inbound], *, until: Callable[[], bool]) -> bool:
    """Write what follows from these records, store by store; a store that is away is waited for.

    Returns false if `until` holds meanwhile: then not all of it is written.
    """
    projections = [
        (record, projection) for record in records if (projection := _projection(projector, record)) is not None
    ]
    catalogue = {record.key: (record, projection) for record, projection in projections if record.topic == ITEMS}
    items = [(record, newest.item) for record, newest in catalogue.values() if newest.item is not None]
    withdrawn = [(record, newest.withdrawn) for record, newest in catalogue.values() if newest.withdrawn is not None]
    said = {record.key: (record, projection) for record, projection in projections if record.topic == MEMORIES}
    memories = _encoded(projector, [(record, newest.memory) for record, newest in said.values() if newest.memory])
    ended = [(record, newest.withdrawn_memory) for record, newest in said.values() if newest.withdrawn_memory]
    rows = rows_left(projections)
    erased = [(record, projection.erased) for record, projection in projections if projection.erased is not None]
    projector.sent.returned([item.item_id for _, item in items])
    moved = _moved(projector, [(record, p.weights) for record, p in projections if p.weights is not None])
    oldest = min(record.timestamp for record in records)
    writing = _Writing(projector, until, oldest)
    return (
        writing.all("erasures", erased, lambda batch: _erase(projector, batch))
        and writing.all("feast", rows, lambda batch: projector.features.write(batch, now=projector.clock()))
        and writing.all("milvus-memories", memories, lambda batch: _put_memories(projector.memories, batch))
        and writing.all("milvus-memories", ended, lambda batch: _withdraw_memories(projector.memories, batch))
        and writing.all("milvus-items", items, lambda batch: _put_items(projector.items, batch))
        and writing.all("milvus-items", withdrawn, projector.items.delete)
        and writing.all("milvus-factors", moved, lambda batch: _put_factors(projector, batch))
        and writing.all("milvus-factors", withdrawn, lambda batch: _withdraw_factors(projector, batch))
    )


def _projection(projector: Projector, record: Inbound) -> Projection | None:
    """Return what follows from a record by its route; none if it cannot be read.

    Dead letters about the ranking log are left to the trainer.
    """
    if projector.in_flight.is_set_aside(record):
        _set_aside(projector, record, "crashed", "the process ended twice while it handled this record")
        return None
    try:
        return PROJECTOR[record.topic](record, now=projector.clock())
    except DecodeError as exc:
        if record.topic != RANKING_LOG:
            _set_aside(projector, record, exc.reason, str(exc))
        return None


def _set_aside(projector: Projector, record: Inbound, reason: ReasonCode, why: str) -> None:
    logger.warning("%s-%d@%d is set aside: %s", record.topic, record.partition, record.offset, why)
    projector.publisher.publish([dead_letter(record, reason, why, projector.clock())])
    projector.observer.refused(record.topic, reason)


@dataclass(frozen=True)
class _Writing:
    """Writes to stores in turn until `until` holds; `oldest` is when the oldest record was published."""

    projector: Projector
    until: Callable[[], bool]
    oldest: float

    def all(self, target: str, rows: Sequence[tuple[Inbound, _T]], write: Callable[[list[_T]], object]) -> bool:
        """Write the rows, each given with its record; returns false if `until` holds meanwhile."""
        if not rows:
            return True
        if not self._part(target, rows, write):
            return False
        self.projector.observer.projected(target, len(rows), delay=self.projector.clock() - self.oldest)
        return True

    def _part(self, target: str, rows: Sequence[tuple[Inbound, _T]], write: Callable[[list[_T]], object]) -> bool:
        """Write these rows; if they are refused, write each half by itself until the single refused row remains."""
        try:
            return self._write(target, lambda: write([row for _, row in rows]))
        except StoreRefused as exc:
            if len(rows) == 1:
                _set_aside(self.projector, rows[0][0], "refused", f"{target}: {exc}")
                return True
        middle = len(rows) // 2
        return self._part(target, rows[:middle], write) and self._part(target, rows[middle:], write)

    def _write(self, target: str, write: Callable[[], object]) -> bool:
        """Write, again while the store is away; returns false if `until` holds meanwhile."""

        def report_wait(error: BaseException) -> None:
            self.projector.in_flight.rest()
            logger.warning("%s: %s", target, error)
            self.projector.observer.away(target)

        try:
            PROJECTION_RETRY.call(write, sleep=self.projector.sleep, on_error=report_wait, until=self.until)
        except SERVER_AWAY:
            return False
        return True


def _erase(projector: Projector, erased: Sequence[ErasureEntry]) -> None:
    users = {entry.user_id for entry in erased}
    erase(users, projector.features, projector.publisher, projector.memories_of)


def _withdraw_memories(index: MemoryIndex, withdrawn: Sequence[WithdrawnMemory]) -> None:
    by_user: dict[UserId, list[MemoryId]] = {}
    for one in withdrawn:
        by_user.setdefault(one.user, []).append(one.memory)
    for user, memories in by_user.items():
        index.delete(user, memories)


def _encoded(
    projector: Projector, memories: Sequence[tuple[Inbound, Memory]]
) -> list[tuple[Inbound, tuple[Memory, Vectors]]]:
    """Return the memories with their vectors: encoded once, however often they are written."""
    vectors = projector.vectors([text_of(memory) for _, memory in memories])
    return [(record, (memory, vector)) for (record, memory), vector in zip(memories, vectors, strict=True)]


def _put_memories(index: MemoryIndex, memories: Sequence[tuple[Memory, Vectors]]) -> None:
    index.put([memory for memory, _ in memories], np.stack([vector for _, vector in memories]))


def _put_items(index: ItemIndex, items: Sequence[Item]) -> None:
    vectors = np.stack([content_vector(item) for item in items])
    index.put([IndexedItem(item.item_id, item.categories) for item in items], vectors)


Moved = tuple[Inbound, tuple[ItemId, Vectors]]


def _moved(projector: Projector, updates: Sequence[tuple[Inbound, ModelUpdate]]) -> list[Moved]:
    """Return the item factors of the newest weights that differ from the index, each with the announcing record.

    All announcements are read, so that weights that cannot serve become a dead letter and do not hide good ones.
    """
    newest: tuple[Inbound, Weights] | None = None
    for record, update in updates:
        try:
            announced = projector.read(update.uri)
        except DecodeError as exc:
            _set_aside(projector, record, exc.reason, str(exc))
        else:
            newest = (record, announced) if announced else newest
    if newest is None:
        return []
    record, weights = newest
    items, vectors = projector.sent.moved(weights)
    return [(record, (item, vector)) for item, vector in zip(items, vectors, strict=True)]


def _put_factors(projector: Projector, moved: Sequence[tuple[ItemId, Vectors]]) -> None:
    items, vectors = [item for item, _ in moved], np.stack([vector for _, vector in moved])
    projector.factors.put([IndexedItem(item) for item in items], vectors)
    projector.sent.sent(items, vectors)


def _withdraw_factors(projector: Projector, withdrawn: Sequence[ItemId]) -> None:
    projector.factors.delete(withdrawn)
    projector.sent.withdrawn(withdrawn)
