"""`item-deltas`: contributions of single events, folded by the one owner of each item into its statistics."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from features.statistics import FoldedOffsets, fold_delta
from schemas.errors import DecodeError
from schemas.statistics import ItemDelta, ItemStatistics
from schemas.topics import ITEM_STATISTICS
from streams.log.dead_letters import crashed, dead_letter, open_record
from streams.log.in_flight import InFlight
from streams.log.partitions import partition_of
from streams.log.records import Inbound, Message
from streams.outcomes.batch_outcome import BatchOutcome, Counters
from streams.state.partition_store import PartitionStore

MARKS = ""
"""The key under which a partition keeps which deltas it has folded; no item has an empty id (`schemas.ids`)."""

_rows = msgspec.msgpack.Decoder(ItemStatistics)
_marks = msgspec.msgpack.Decoder(FoldedOffsets)
_encode = msgspec.msgpack.Encoder().encode


def unpack_row(state: bytes) -> ItemStatistics:
    """A row as the state store keeps it."""
    return _rows.decode(state)


def on_item_deltas(
    records: Sequence[Inbound], owner: PartitionStore, *, now: float, in_flight: InFlight | None = None
) -> BatchOutcome:
    """Fold a batch, partition by partition; each touched item's row is published once.

    Records that `in_flight` has set aside are not folded.
    """
    aside = in_flight or InFlight()
    counters = Counters()
    by_partition: dict[int, list[Inbound]] = {}
    for record in records:
        if owner.is_new(record):
            by_partition.setdefault(record.partition, []).append(record)
    messages: list[Message] = []
    writes = []
    for partition, batch in by_partition.items():
        sound = [record for record in batch if not aside.is_set_aside(record)]
        messages += [crashed(record, now) for record in batch if aside.is_set_aside(record)]
        deltas, letters = _opened(sound, owner.partitions, now)
        marks, rows = _fold(deltas, owner, partition)
        messages += letters
        messages += [Message(ITEM_STATISTICS, row.item_id, row) for row in rows.values()]
        states = {item: _encode(row) for item, row in rows.items()} | {MARKS: _encode(marks)}
        writes.append(owner.write(partition, states, {f"{batch[-1].topic}-{partition}": batch[-1].offset}))
        counters.count("deltas", by=len(deltas))
    return BatchOutcome(messages=tuple(messages), writes=tuple(writes), counters=counters)


def _opened(batch: Sequence[Inbound], partitions: int, now: float) -> tuple[list[ItemDelta], list[Message]]:
    deltas: list[ItemDelta] = []
    letters: list[Message] = []
    for record in batch:
        try:
            deltas.append(_own(record, open_record(record, now=now), partitions))
        except DecodeError as exc:
            letters.append(dead_letter(record, exc.reason, str(exc), now))
    return deltas, letters


def _own(record: Inbound, delta: ItemDelta, partitions: int) -> ItemDelta:
    """The delta, if its item belongs to this partition: two partitions would keep two rows of one item."""
    if partition_of(delta.item_id, partitions) != record.partition:
        raise DecodeError("wrong-key", f"item {delta.item_id!r} does not belong to partition {record.partition}")
    return delta


def _fold(
    deltas: Sequence[ItemDelta], owner: PartitionStore, partition: int
) -> tuple[FoldedOffsets, dict[str, ItemStatistics]]:
    """Rows after these deltas, of the touched items alone; deltas folded before are passed over."""
    states = owner.store.load(owner.scope, partition, [MARKS, *{delta.item_id for delta in deltas}])
    marks = _marks.decode(states[MARKS]) if MARKS in states else FoldedOffsets()
    rows: dict[str, ItemStatistics] = {}
    for delta in deltas:
        if marks.has(delta):
            continue
        item = delta.item_id
        known = rows.get(item) or (_rows.decode(states[item]) if item in states else None)
        rows[item] = fold_delta(known, delta)
        marks = marks.add(delta)
    return marks, rows
