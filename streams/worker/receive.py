"""From bytes to what may be applied: decode, dead-letter, send strays on, skip what was applied before.

Everything here follows from the record alone, so that a replay of the log comes to the same: an event time is held
against the time at which its record was produced, not against the time at which it is read.
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
from streams.handlers.deps import AHEAD_SECONDS
from streams.log.dead_letters import crashed, dead_letter
from streams.log.partitions import partition_of
from streams.log.records import Inbound, Message, Source
from streams.outcomes.batch_outcome import Counters
from streams.routes import WORKER_ENVELOPES
from streams.state.partition_store import PartitionStore


class AcceptedRecord(Struct, frozen=True):
    """A decoded record of one of the person topics, to be applied; `topic` is where it was meant for."""

    topic: str
    user_id: UserId
    event: Any
    record: Inbound

    @property
    def source(self) -> Source:
        """Which record it is."""
        record = self.record
        return Source(record.log, record.partition, record.offset, record.timestamp)


class Received(Struct, frozen=True):
    """A batch sorted out: what to apply in order, what to publish, and how far each partition has been read."""

    accepted: tuple[AcceptedRecord, ...]
    messages: tuple[Message, ...]
    applied: dict[int, dict[str, int]]


def _no(record: Inbound) -> bool:
    return False


def receive(
    records: Iterable[Inbound],
    owner: PartitionStore,
    *,
    now: float,
    counters: Counters,
    is_set_aside: Callable[[Inbound], bool] = _no,
) -> Received:
    """Sort a batch out; a record that cannot be used becomes a dead letter, and the partition goes on.

    So does one that `is_set_aside` because it ended the process before: it is not even decoded.
    """
    accepted: list[AcceptedRecord] = []
    messages: list[Message] = []
    applied: dict[int, dict[str, int]] = {}
    for record in records:
        if not owner.is_new(record):
            counters.count("redelivered", record.topic)
            continue
        applied.setdefault(record.partition, {})[f"{record.topic}-{record.partition}"] = record.offset
        found = crashed(record, now) if is_set_aside(record) else _open(record, owner.partitions, now)
        if isinstance(found, AcceptedRecord):
            accepted.append(found)
            counters.count("events", found.topic)
        else:
            messages.append(found)
            counters.count("refused", found.topic)
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
    """What a record of this topic says of a person, with the topic and the bytes that it was meant for as.

    `now` counts only where the record does not say when it was produced.

    Raises:
        DecodeError: it says nothing that can be used.
    """
    produced = record.timestamp if record.timestamp >= EARLIEST else now
    event = decode(topic, record.value, now=produced)
    if isinstance(event, MisroutedRecord):
        return event.topic, event.value, _believable(WORKER_ENVELOPES[topic](event, now=produced), produced)
    return topic, record.value or b"", _believable(event, produced)


def _believable(event: Any, produced: float) -> Any:
    """The event, no further ahead of its record than clocks differ, else as of its record.

    So a clock that is wrong moves only its own events, and those to the time at which they came.
    """
    return event if event.event_time <= produced + AHEAD_SECONDS else replace(event, event_time=produced)
