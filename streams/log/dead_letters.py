"""Records that cannot be used: every process opens records by one rule, and publishes dead letters that fit the log.

Every process opens records by `open_record`, so that all of them refuse the same records for the same reason. Of a
topic that several processes read, one writes the dead letters: the one that reads each record once. That is the
aggregator for `item-deltas`, the trainer for `ranking-log`, the gateway for `recommendations`, the projector for the
other compacted topics, and the worker that owns the user for all user topics.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import msgspec

from schemas.codec import MAX_BYTES, WRAPPING_TOPICS, decode, encode
from schemas.dead_letters import BEGINNING, LARGEST_ORIGINAL, DeadLetter
from schemas.errors import DecodeError, ReasonCode
from schemas.ids import ItemKey, message_id
from schemas.memories import Memory, memory_key, named_by
from schemas.model_updates import ModelUpdate
from schemas.signals import parsed_signal_key, signal_key
from schemas.topics import (
    DEAD_LETTERS,
    EXTERNAL_SIGNALS,
    ITEM_DELTAS,
    ITEM_PERCEPTIONS,
    ITEM_STATISTICS,
    ITEMS,
    MEMORIES,
    MODEL_UPDATES,
    RECOMMENDATIONS,
)
from streams.log.records import Inbound, Message

logger = logging.getLogger(__name__)
HEADERS_LIMIT = 64
"""How many headers a dead letter keeps."""
MESSAGE_CHARACTERS_LIMIT = 1_000


def _model_keys(update: ModelUpdate) -> tuple[str, ...]:
    """Return the key of the model, and that of the decision, which is kept beside it."""
    return update.model, f"{update.model}:{update.decision_id}"


def _memory_keys(memory: Memory) -> tuple[str, ...]:
    return (memory_key(memory.user_id, memory.memory_id),)


_KEYS: dict[str, Callable[[Any], tuple[str, ...]]] = {
    ITEMS: lambda item: (item.item_id,),
    ITEM_PERCEPTIONS: lambda perception: (perception.item_id,),
    EXTERNAL_SIGNALS: lambda signal: (str(signal_key(signal)),),
    ITEM_STATISTICS: lambda row: (row.item_id,),
    ITEM_DELTAS: lambda delta: (delta.item_id,),
    RECOMMENDATIONS: lambda recommendation: (recommendation.user_id,),
    MEMORIES: _memory_keys,
    MODEL_UPDATES: _model_keys,
}
"""The keys that a record may have, by its value. Compaction keeps one record per key, so under another key a second
version of the same thing would stay.
"""


def open_record(record: Inbound, *, now: float) -> Any:
    """Return the value of a record of no user topic, checked against its key; none if it withdraws what the key names.

    Raises:
        DecodeError: the record cannot be used; `reason` is the code of its dead letter.
    """
    key = _text(record.key)
    if not record.value and record.topic in _MAY_BE_EMPTY:
        _MAY_BE_EMPTY[record.topic](key)
        return None
    value = decode(record.topic, record.value, now=now)
    if record.topic in _KEYS and key not in (allowed := _KEYS[record.topic](value)):
        raise DecodeError("wrong-key", f"the key is {key!r}, the value is about {allowed[-1]!r}: they are to be equal")
    return value


def _text(key: bytes | None) -> str | None:
    try:
        return key.decode() if key is not None else None
    except UnicodeDecodeError as exc:
        raise DecodeError("wrong-key", f"the key {key!r} is not UTF-8") from exc


def _check_item_key(key: str | None) -> None:
    try:
        msgspec.convert(key, ItemKey)
    except msgspec.ValidationError as exc:
        raise DecodeError("wrong-key", f"{key!r} is no id of an item, so nothing is withdrawn") from exc


def _check_signal_key(key: str | None) -> None:
    if key is None or parsed_signal_key(key) is None:
        text = "is not scope/source/subject, in lower case but for an item's id"
        raise DecodeError("wrong-key", f"{key!r} {text}, so nothing is withdrawn")


def _check_memory_key(key: str | None) -> None:
    if named_by(key or "") is None:
        raise DecodeError("wrong-key", f"{key!r} is not of the form user/memory, so nothing is withdrawn")


_MAY_BE_EMPTY: dict[str, Callable[[str | None], None]] = {
    ITEMS: _check_item_key,
    MEMORIES: _check_memory_key,
    ITEM_PERCEPTIONS: _check_item_key,
    EXTERNAL_SIGNALS: _check_signal_key,
}
"""Topics on which an empty value withdraws what the key names, each with the check of the key."""


def dead_letter(record: Inbound, reason: ReasonCode, message: str, now: float) -> Message:
    """Return the dead letter of a record: with the whole record, or with its beginning if that does not fit."""
    key, value = record.key or b"", record.value or b""
    whole = len(record.headers) <= HEADERS_LIMIT and _size(record) <= LARGEST_ORIGINAL
    letter = DeadLetter(
        dead_letter_id=message_id(record.log, record.partition, record.offset, "dead-letter"),
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key if whole or record.key is None else key[:BEGINNING],
        value=record.value if whole or record.value is None else value[:BEGINNING],
        headers=record.headers if whole else (),
        reason=reason,
        message=message[:MESSAGE_CHARACTERS_LIMIT],
        wall_time=now,
        truncated=not whole,
        size=None if whole else len(value),
        sha256="" if whole else sha256(value).hexdigest(),
    )
    return Message(DEAD_LETTERS, letter.dead_letter_id, letter)


def crashed(record: Inbound, now: float) -> Message:
    """Return the dead letter of a record that ended the process twice: see `streams.log.in_flight`."""
    return dead_letter(record, "crashed", "the process ended twice while it handled this record", now)


def _size(record: Inbound) -> int:
    """Return an upper bound of the record's bytes; JSON writes a control character of a header's name as six."""
    headers = sum(6 * len(name.encode(errors="replace")) + len(value or b"") for name, value in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers


def fitting(message: Message) -> tuple[Message, bytes | None]:
    """Return a message with its bytes; one that is too large for its readers is replaced by a dead letter about it.

    The state of handlers bounds what they publish, so this is the last line of defence, not the first.
    """
    if message.value is None:
        return message, None
    value = encode(message.value)
    if message.topic in WRAPPING_TOPICS or len(value) <= MAX_BYTES:
        return message, value
    letter = DeadLetter(
        dead_letter_id=message_id(message.topic, 0, 0, f"outgoing/{sha256(value).hexdigest()}"),
        topic=message.topic,
        partition=0,
        offset=0,
        key=(message.key or "").encode()[:BEGINNING],
        value=value[:BEGINNING],
        reason="too-large",
        message=f"a message of {len(value)} bytes was to be published; readers take {MAX_BYTES}",
        wall_time=0.0,
        truncated=True,
        size=len(value),
        sha256=sha256(value).hexdigest(),
    )
    logger.error("a message of %d bytes for %s is not published: it became a dead letter", len(value), message.topic)
    return Message(DEAD_LETTERS, letter.dead_letter_id, letter), encode(letter)
