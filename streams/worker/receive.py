"""Receiving: decode records, dead-letter what cannot be used, forward misrouted ones, skip what was applied before.

Everything follows from the record alone, so that reading the log again gives the same: an event time is compared with
the time at which its record was produced, not with the time at which it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from schemas.codec import EARLIEST, decode
from schemas.dead_letters import MisroutedRecord
from schemas.errors import DecodeError
from schemas.ids import UserId
from schemas.topics import MISROUTED
from streams.handlers.deps import CLOCK_SKEW_SECONDS
from streams.log.dead_letters import crashed, dead_letter
from streams.log.partitions import partition_of
from streams.log.records import Inbound, Message, RecordSource
from streams.outcomes.batch_outcome import Counters
from streams.routes import WORKER_ENVELOPES
from streams.state.partition_store import PartitionStore


class AcceptedRecord(Struct, frozen=True):
    """A decoded record of a user topic, to be applied; `topic` is the one that it was meant for."""

    topic: str
    user_id: UserId
    event: Any
    record: Inbound

    @property
    def source(self) -> RecordSource:
        """Return the source of messages that follow from this record."""
        record = self.record
        return RecordSource(record.log, record.partition, record.offset, record.timestamp)


class Received(Struct, frozen=True):
    """A received batch: records to apply in order, messages to publish, and the last offset of each source."""

    accepted: tuple[AcceptedRecord, ...]
    messages: tuple[Message, ...]
    applied: dict[int, dict[str, int]]


def _none_set_aside(record: Inbound) -> bool:
    return False


def receive(
    records: Iterable[Inbound],
    owner: PartitionStore,
    *,
    now: float,
    counters: Counters,
    is_set_aside: Callable[[Inbound], bool] = _none_set_aside,
) -> Received:
    """Receive a batch; a record that cannot be used becomes a dead letter, and the partition goes on.

    So does a record that `is_set_aside` because it ended the process before: it is not even decoded.
    """
    accepted: list[AcceptedRecord] = []
    messages: list[Message] = []
    applied: dict[int, dict[str, int]] = {}
    for record in records:
        if not owner.is_new(record):
            counters.count("redelivered", record.topic)
            continue
        applied.setdefault(record.partition, {})[f"{record.topic}-{record.partition}"] = record.offset
        result = crashed(record, now) if is_set_aside(record) else _open(record, owner.partitions, now)
        if isinstance(result, AcceptedRecord):
            accepted.append(result)
            counters.count("events", result.topic)
        else:
            messages.append(result)
            counters.count("refused", result.topic)
    return Received(tuple(accepted), tuple(messages), applied)


def _open(record: Inbound, partitions: int, now: float) -> AcceptedRecord | Message:
    try:
        topic, value, event = open_event(record, record.topic, now=now)
    except DecodeError as exc:
        return dead_letter(record, exc.reason, str(exc), now)
    user: UserId = event.user_id
    if record.partition == partition_of(user, partitions):
        return AcceptedRecord(topic, user, event, record)
    return Message(
        MISROUTED, user, MisroutedRecord(topic=topic, partition=record.partition, offset=record.offset, value=value)
    )


def open_event(record: Inbound, topic: str, *, now: float) -> tuple[str, bytes, Any]:
    """Return the topic and the bytes that a record was meant as, and its event.

    `now` counts only if the record does not tell when it was produced.

    Raises:
        DecodeError: the record cannot be used.
    """
    produced = record.timestamp if record.timestamp >= EARLIEST else now
    event = decode(topic, record.value, now=produced)
    if isinstance(event, MisroutedRecord):
        return event.topic, event.value, _within_skew(WORKER_ENVELOPES[topic](event, now=produced), produced)
    return topic, record.value or b"", _within_skew(event, produced)


def _within_skew(event: Any, produced: float) -> Any:
    """Return the event; if its time is more than `CLOCK_SKEW_SECONDS` ahead of its record, with the record's time.

    So a wrong clock changes only its own events, and those to the time at which they were produced.
    """
    return event if event.event_time <= produced + CLOCK_SKEW_SECONDS else replace(event, event_time=produced)
