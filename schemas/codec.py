"""Bytes to values and back. Everything is checked here, once; past the codec types are trusted.

>>> value = b'{"type":"like","event_id":"e1","user_id":"u1","event_time":1e9,"item_id":"i1"}'
>>> decode("interactions", value, now=2e9).item_id
'i1'
>>> decode("interactions", b'{"type":"like"}', now=2e9)
Traceback (most recent call last):
...
schemas.errors.DecodeError: Object missing required field `event_id`
"""

from __future__ import annotations

from typing import Any

import msgspec

from schemas.bounds import BROKER_RECORD_BYTES, IN_WORDS
from schemas.errors import DecodeError
from schemas.record import Record
from schemas.topics import BY_NAME, DEAD_LETTERS, MISROUTED, TOPICS

MAX_BYTES = BROKER_RECORD_BYTES
"""Bytes of a record's value."""
EARLIEST = 788_918_400.0
"""1995-01-01: an event before it is a unit mistake, not a memory."""
DAY = 86_400.0
_TIMES = {"event_time": EARLIEST, "at": EARLIEST, "feature_time": 0.0}
"""Fields that are times of the stream, and from when on they are believed; a person without events has no feature time
yet, which is 0.
"""
WRAPPING = frozenset({DEAD_LETTERS, MISROUTED})
"""What holds another record, in base64."""

_decoders: dict[str, msgspec.json.Decoder[Any]] = {topic.name: msgspec.json.Decoder(topic.value) for topic in TOPICS}
_encoder = msgspec.json.Encoder()


def decode(topic: str, value: bytes | None, *, now: float) -> Any:
    """The value of a record of this topic; its type is the one that the topic table names.

    `now` is wall-clock seconds: event times before 1995 or more than a day ahead of it are absurd, and so are the times
    of what follows from events.

    Raises:
        DecodeError: with a reason code, for anything that is not such a value. Nothing else is ever raised.
    """
    if topic not in BY_NAME:
        raise DecodeError("unknown-topic", f"topic {topic!r} is none of {sorted(BY_NAME)}")
    if not value:
        raise DecodeError("empty", f"a record of {topic!r} has no value")
    most = 2 * MAX_BYTES if topic in WRAPPING else MAX_BYTES
    if len(value) > most:
        raise DecodeError("too-large", f"{len(value)} bytes, at most {most} are taken")
    try:
        record = _decoders[topic].decode(value)
    except msgspec.ValidationError as exc:
        raise DecodeError("invalid", _in_words(str(exc))) from exc
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as exc:
        raise DecodeError("not-json", str(exc)) from exc
    _check_time(record, now)
    return record


def _in_words(message: str) -> str:
    """The message with what a pattern asks in words.

    >>> from schemas.bounds import NO_CONTROL
    >>> _in_words(f"Expected `str` matching regex {NO_CONTROL!r} - at `$.device`")
    'Expected `str` without control characters - at `$.device`'
    """
    for pattern, words in IN_WORDS.items():
        message = message.replace(f"matching regex {pattern!r}", words)
    return message


def _check_time(record: object, now: float) -> None:
    for name, earliest in _TIMES.items():
        at = getattr(record, name, None)
        if at is not None and not earliest <= at <= now + DAY:
            since = "1995" if earliest else "1970"
            raise DecodeError("absurd-time", f"{name} {at!r} is before {since} or more than a day ahead")


def encode(record: Record) -> bytes:
    """A record as JSON."""
    return _encoder.encode(record)
