"""From bytes to what may be applied: decode, dead-letter, send strays on, skip what was applied before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from schemas.codec import decode
from schemas.dead_letters import DeadLetter, Stray
from schemas.errors import DecodeError, ReasonCode
from schemas.ids import UserId, message_id
from schemas.topics import DEAD_LETTERS, PERSON_TOPICS, STRAYS
from streams.outcome import Tally
from streams.owner import Owner
from streams.partitions import partition_of
from streams.records import Inbound, Message, Source


class Accepted(Struct, frozen=True):
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

    accepted: tuple[Accepted, ...]
    messages: tuple[Message, ...]
    applied: dict[int, dict[str, int]]


def receive(records: Iterable[Inbound], owner: Owner, *, now: float, tally: Tally) -> Received:
    """Sort a batch out; a record that cannot be used becomes a dead letter, and the partition goes on."""
    accepted: list[Accepted] = []
    messages: list[Message] = []
    applied: dict[int, dict[str, int]] = {}
    for record in records:
        if not owner.is_new(record):
            tally.count("redelivered", record.topic)
            continue
        applied.setdefault(record.partition, {})[f"{record.topic}-{record.partition}"] = record.offset
        for found in _open(record, owner.partitions, now):
            if isinstance(found, Accepted):
                accepted.append(found)
                tally.count("events", found.topic)
            else:
                messages.append(found)
                tally.count("refused", found.topic)
    return Received(tuple(accepted), tuple(messages), applied)


def _open(record: Inbound, partitions: int, now: float) -> Iterator[Accepted | Message]:
    topic = record.topic
    try:
        event = decode(topic, record.value, now=now)
        if isinstance(event, Stray):
            topic, event = event.topic, _stray(event, now)
    except DecodeError as exc:
        yield dead_letter(record, exc.reason, str(exc), now)
        return
    user: UserId = event.user_id
    if record.partition == partition_of(user, partitions):
        yield Accepted(topic, user, event, record)
    else:
        stray = Stray(topic=topic, partition=record.partition, offset=record.offset, value=record.value or b"")
        yield Message(STRAYS, user, stray)


def _stray(stray: Stray, now: float) -> Any:
    if stray.topic not in PERSON_TOPICS:
        raise DecodeError("unknown-topic", f"a stray of {stray.topic!r} is about no person")
    return decode(stray.topic, stray.value, now=now)


def dead_letter(record: Inbound, reason: ReasonCode, message: str, now: float) -> Message:
    """The record as a dead letter, with everything it came with."""
    letter = DeadLetter(
        dead_letter_id=message_id(record.log, record.partition, record.offset, "dead-letter"),
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        headers=record.headers,
        reason=reason,
        message=message[:1_000],
        wall_time=now,
    )
    return Message(DEAD_LETTERS, letter.dead_letter_id, letter)
