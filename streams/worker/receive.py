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
from streams.state.owner import UserOwner


class AcceptedRecord(Struct, frozen=True):
    """A decoded record of a user topic, to be applied; `topic` is the one that it was meant for, and `is_ahead` whether
    its event was dated further ahead than clocks differ.
    """

    topic: str
    user_id: UserId
    event: Any
    record: Inbound
    is_ahead: bool = False

    @property
    def source(self) -> RecordSource:
        """Return the source of messages that follow from this record."""
        record = self.record
        return RecordSource(record.log, record.partition, record.offset, record.timestamp, self.is_ahead)


class Received(Struct, frozen=True):
    """A received batch: records to apply in order, messages to publish, and the last offset of each source."""

    accepted: tuple[AcceptedRecord, ...]
    messages: tuple[Message, ...]
    applied: dict[int, dict[str, int]]


def _none_set_aside(record: Inbound) -> bool:
    return False


def receive(
    records: Iterable[Inbound],
    owner: UserOwner,
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
        opened = open_event(record, record.topic, now=now)
    except DecodeError as exc:
        return dead_letter(record, exc.reason, str(exc), now)
    user: UserId = opened.event.user_id
    if record.partition == partition_of(user, partitions):
        return AcceptedRecord(opened.topic, user, opened.event, record, opened.is_ahead)
    return Message(
        MISROUTED,
        user,
        MisroutedRecord(topic=opened.topic, partition=record.partition, offset=record.offset, value=opened.value),
    )


class OpenedEvent(Struct, frozen=True):
    """The topic and the bytes that a record was meant as, and its event: if its time is more than `CLOCK_SKEW_SECONDS`
    ahead of its record, with the record's time, and `is_ahead`.

    So a wrong clock changes only its own events, and those to the time at which they were produced.
    """

    topic: str
    value: bytes
    event: Any
    is_ahead: bool


def open_event(record: Inbound, topic: str, *, now: float) -> OpenedEvent:
    """Return the event of a record.

    `now` counts only if the record does not tell when it was produced.

    Raises:
        DecodeError: the record cannot be used.
    """
    produced = record.timestamp if record.timestamp >= EARLIEST else now
    event, value = decode(topic, record.value, now=produced), record.value or b""
    if isinstance(event, MisroutedRecord):
        envelope, topic, value = WORKER_ENVELOPES[topic], event.topic, event.value
        event = envelope(event, now=produced)
    is_ahead = event.event_time > produced + CLOCK_SKEW_SECONDS
    return OpenedEvent(topic, value, replace(event, event_time=produced) if is_ahead else event, is_ahead)
