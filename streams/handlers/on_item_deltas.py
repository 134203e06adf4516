"""`item-deltas`: contributions of single events. The aggregator that owns an item folds them into its statistics."""

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

FOLDED_OFFSETS_KEY = ""
"""The state key under which a partition keeps its folded offsets; no item has an empty id (`schemas.ids`)."""

_rows = msgspec.msgpack.Decoder(ItemStatistics)
_folded_offsets = msgspec.msgpack.Decoder(FoldedOffsets)
_encode = msgspec.msgpack.Encoder().encode


def unpack_row(state: bytes) -> ItemStatistics:
    """Return the row that the state store holds as these bytes."""
    return _rows.decode(state)


def on_item_deltas(
    records: Sequence[Inbound], owner: PartitionStore, *, now: float, in_flight: InFlight | None = None
) -> BatchOutcome:
    """Fold a batch, partition by partition, and publish the row of each changed item once.

    Records that `in_flight` has set aside become dead letters.
    """
    in_flight = in_flight or InFlight()
    counters = Counters()
    by_partition: dict[int, list[Inbound]] = {}
    for record in records:
        if owner.is_new(record):
            by_partition.setdefault(record.partition, []).append(record)
    messages: list[Message] = []
    writes = []
    for partition, batch in by_partition.items():
        sound = [record for record in batch if not in_flight.is_set_aside(record)]
        messages += [crashed(record, now) for record in batch if in_flight.is_set_aside(record)]
        deltas, letters = _opened(sound, owner.partitions, now)
        folded, rows = _fold(deltas, owner, partition)
        messages += letters
        messages += [Message(ITEM_STATISTICS, row.item_id, row) for row in rows.values()]
        states = {item: _encode(row) for item, row in rows.items()} | {FOLDED_OFFSETS_KEY: _encode(folded)}
        writes.append(owner.write(partition, states, {f"{batch[-1].topic}-{partition}": batch[-1].offset}))
        counters.count("deltas", by=len(deltas))
    return BatchOutcome(messages=tuple(messages), writes=tuple(writes), counters=counters)


def refused_deltas(
    records: Sequence[Inbound], partitions: int, *, now: float, in_flight: InFlight | None = None
) -> BatchOutcome:
    """Return the dead letters of a batch that Flink folds: it skips what it cannot read, without a word."""
    in_flight = in_flight or InFlight()
    sound = [record for record in records if not in_flight.is_set_aside(record)]
    deltas, letters = _opened(sound, partitions, now)
    letters += [crashed(record, now) for record in records if in_flight.is_set_aside(record)]
    counters = Counters()
    counters.count("deltas", by=len(deltas))
    return BatchOutcome(messages=tuple(letters), counters=counters)


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
    """Return the delta if its item belongs to this partition: two partitions would keep two rows of one item."""
    if partition_of(delta.item_id, partitions) != record.partition:
        raise DecodeError("wrong-key", f"item {delta.item_id!r} does not belong to partition {record.partition}")
    return delta


def _fold(
    deltas: Sequence[ItemDelta], owner: PartitionStore, partition: int
) -> tuple[FoldedOffsets, dict[str, ItemStatistics]]:
    """Return the changed rows after these deltas; deltas that were folded before, and withheld ones, are skipped."""
    states = owner.store.load(owner.scope, partition, [FOLDED_OFFSETS_KEY, *{delta.item_id for delta in deltas}])
    folded = FoldedOffsets()
    if FOLDED_OFFSETS_KEY in states:
        folded = _folded_offsets.decode(states[FOLDED_OFFSETS_KEY])
    rows: dict[str, ItemStatistics] = {}
    for delta in deltas:
        if folded.has(delta):
            continue
        folded = folded.add(delta)
        if delta.withheld:
            continue
        item = delta.item_id
        row = rows.get(item) or (_rows.decode(states[item]) if item in states else None)
        rows[item] = fold_delta(row, delta)
    return folded, rows
