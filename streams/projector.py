"""Projections, written behind from what was published: Feast's rows, and Milvus's vectors, told and learned.

They lag the lists by about a second, and are never read on the hot path. Writing one twice changes nothing, so the
projector may start again anywhere behind where it was: 1 write 2 commit.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from agents.actions.ports import IndexedItem, ItemIndex, Vectors
from agents.memory.embedding import embed, text_of
from agents.memory.ports import MemoryIndex
from features.item_content import content_vector
from features.ports import FeatureRow, FeatureStore
from features.views import ITEM_VIEW, item_row, user_rows
from inference.learning.weights_file import Weights
from schemas.codec import decode
from schemas.errors import DecodeError, StoreUnavailable
from schemas.ids import ItemId
from schemas.items import Item
from schemas.memories import Memory
from schemas.model_updates import MODEL, ModelUpdate
from schemas.ranking_log import Ranked
from schemas.statistics import ItemStatistics
from schemas.topics import ITEM_STATISTICS, ITEMS, MEMORIES, MODEL_UPDATES, RANKING_LOG
from streams.factors_sent import FactorsSent
from streams.ports import LogReader
from streams.records import Inbound

logger = logging.getLogger(__name__)
PROJECTED_TOPICS = (RANKING_LOG, MEMORIES, ITEM_STATISTICS, ITEMS, MODEL_UPDATES)
_EXAMPLES = (b'{"type":"choice"', b'{"type":"outcome"', b'{"type":"default"')
RETRY_SECONDS = 1.0
WINDOW_SECONDS = 0.8
"""Rows of one window are written together: most of their cost is per write."""


class ProjectorObserver(Protocol):
    """Told what was projected, for metrics."""

    def projected(self, target: str, rows: int, *, delay: float) -> None:
        """So many rows were written, the oldest of them this many seconds after it was published."""
        ...

    def away(self, target: str) -> None:
        """A store does not answer; the same rows are tried again."""
        ...


@dataclass(frozen=True)
class Projector:
    """Everything that the projector process runs on; the wiring fills it.

    `read` gives the weights that were announced under a URI, none if they are gone: newer ones have been since.
    """

    reader: LogReader
    features: FeatureStore
    memories: MemoryIndex
    items: ItemIndex
    factors: ItemIndex
    read: Callable[[str], Weights | None]
    observer: ProjectorObserver
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    sent: FactorsSent = field(default_factory=FactorsSent)


def run(projector: Projector, *, until: Callable[[], bool]) -> None:
    """Project until told to stop."""
    while not until():
        began = projector.clock()
        records = projector.reader.poll(5_000, 0.5)
        if records:
            if not project(projector, records, until=until):
                return
            projector.reader.commit()
            projector.sleep(max(0.0, WINDOW_SECONDS - (projector.clock() - began)))


def project(projector: Projector, records: Sequence[Inbound], *, until: Callable[[], bool]) -> bool:
    """Write what follows from these records, store by store; one that is away is waited for.

    False if told to stop meanwhile: then not all of it is written.
    """
    now = projector.clock()
    values = [(record, _value(record, now)) for record in records]
    rows = [row for _, value in values for row in feature_rows(value)]
    log_name = f"{records[0].topic}-{records[0].partition}-{records[0].offset}"
    memories = [value for _, value in values if isinstance(value, Memory)]
    newest = {record.key: (record, value) for record, value in values if record.topic == ITEMS}
    items = [value for _, value in newest.values() if isinstance(value, Item)]
    gone = [_key(record) for record, _ in newest.values() if not record.value]
    projector.sent.returned([item.item_id for item in items])
    drawn, appeal = _moved(projector, [value for _, value in values if isinstance(value, ModelUpdate)])
    writes: tuple[tuple[str, int, Callable[[], None]], ...] = (
        ("feast", len(rows), lambda: projector.features.write(rows, log_name=log_name)),
        ("milvus-memories", len(memories), lambda: _put_memories(projector.memories, memories)),
        ("milvus-items", len(items) + len(gone), lambda: _put_items(projector.items, items, gone)),
        ("milvus-factors", len(drawn) + len(gone), lambda: _put_factors(projector, drawn, appeal, gone)),
    )
    oldest = min(record.timestamp for record in records)
    for target, count, write in writes:
        if count:
            if not _insist(projector, target, write, until):
                return False
            projector.observer.projected(target, count, delay=projector.clock() - oldest)
    return True


def _insist(projector: Projector, target: str, write: Callable[[], None], until: Callable[[], bool]) -> bool:
    """Write, again and again while the store is away; false if told to stop meanwhile."""
    while True:
        try:
            write()
        except StoreUnavailable as exc:
            logger.warning("%s: %s", target, exc)
            projector.observer.away(target)
            if until():
                return False
            projector.sleep(RETRY_SECONDS)
        else:
            return True


def _value(record: Inbound, now: float) -> Any:
    """What the record says; nothing of examples, which are most of the ranking log and are not projected."""
    if not record.value or record.value.startswith(_EXAMPLES):
        return None
    try:
        return decode(record.topic, record.value, now=now)
    except DecodeError as exc:
        logger.warning("%s-%d@%d passed over: %s", record.topic, record.partition, record.offset, exc)
        return None


def _key(record: Inbound) -> ItemId:
    return ItemId((record.key or b"").decode(errors="replace"))


def feature_rows(value: object) -> list[FeatureRow]:
    """The rows of the feature views that follow from a published record."""
    match value:
        case Ranked():
            return user_rows(value.user_id, value.feature_time, value.user_features, value.user_categories)
        case ItemStatistics():
            return [FeatureRow(ITEM_VIEW, {"item_id": str(value.item_id)}, value.feature_time, item_row(value))]
        case _:
            return []


def _put_memories(index: MemoryIndex, memories: Sequence[Memory]) -> None:
    index.put(memories, embed([text_of(memory) for memory in memories]))


def _put_items(index: ItemIndex, items: Sequence[Item], gone: Sequence[ItemId]) -> None:
    if items:
        vectors = np.stack([content_vector(item) for item in items])
        index.put([IndexedItem(item.item_id, item.categories) for item in items], vectors)
    if gone:
        index.delete(gone)


def _moved(projector: Projector, updates: Sequence[ModelUpdate]) -> tuple[list[ItemId], Vectors]:
    """Which factors the newest weights hold otherwise than the index does, if new ones serve."""
    serving = [update.uri for update in updates if update.model == MODEL and update.decision != "refused"]
    weights = projector.read(serving[-1]) if serving else None
    return projector.sent.moved(weights) if weights else ([], np.zeros((0, 0), np.float32))


def _put_factors(projector: Projector, drawn: list[ItemId], appeal: Vectors, gone: list[ItemId]) -> None:
    if drawn:
        projector.factors.put([IndexedItem(item) for item in drawn], appeal)
        projector.sent.sent(drawn, appeal)
    if gone:
        projector.factors.delete(gone)
        projector.sent.withdrawn(gone)
