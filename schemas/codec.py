"""Decode bytes into values and encode them again. Values are validated here, once; past the codec types are trusted.

>>> value = b'{"type":"like","event_id":"e1","user_id":"u1","event_time":1e9,"item_id":"i1"}'
>>> decode("interactions", value, now=2e9).item_id
'i1'
>>> decode("interactions", b'{"type":"like"}', now=2e9)
Traceback (most recent call last):
...
schemas.errors.DecodeError: Object missing required field `event_id`
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from schemas.bounds import BROKER_RECORD_BYTES, describe_patterns
from schemas.errors import DecodeError
from schemas.record import Record
from schemas.topics import BY_NAME, DEAD_LETTERS, MISROUTED, TOPICS

MAX_BYTES = BROKER_RECORD_BYTES
"""Bytes of a record's value."""
EARLIEST = 788_918_400.0
"""1995-01-01, in seconds since 1970: an earlier event time is probably in another unit."""
EARLIEST_YEAR = datetime.fromtimestamp(EARLIEST, UTC).year
LATEST_AHEAD_SECONDS = 86_400.0
"""How far an event time may be ahead of its record; one beyond is refused."""
_EARLIEST_BY_FIELD = {"event_time": EARLIEST, "at": EARLIEST, "feature_time": 0.0, "recorded_at": 0.0}
"""Times of records, each with the earliest that is accepted; a user without events has feature time 0."""
WRAPPING_TOPICS = frozenset({DEAD_LETTERS, MISROUTED})
"""Topics whose records hold another record, in base64."""

_decoders: dict[str, msgspec.json.Decoder[Any]] = {topic.name: msgspec.json.Decoder(topic.value) for topic in TOPICS}
_encoder = msgspec.json.Encoder()


def decode(topic: str, value: bytes | None, *, now: float) -> Any:
    """Return the validated value of a record of this topic; its type is the one that the topic table names.

    `now` is wall-clock seconds: an event time before 1995 or more than a day ahead of it is refused, and so are times
    that are derived from events.

    Raises:
        DecodeError: with a reason code, for every invalid value. No other exception is raised.
    """
    if topic not in BY_NAME:
        raise DecodeError("unknown-topic", f"topic {topic!r} is none of {sorted(BY_NAME)}")
    if not value:
        raise DecodeError("empty", f"a record of {topic!r} has no value")
    limit = 2 * MAX_BYTES if topic in WRAPPING_TOPICS else MAX_BYTES
    if len(value) > limit:
        raise DecodeError("too-large", f"{len(value)} bytes, at most {limit} are accepted")
    try:
        record = _decoders[topic].decode(value)
    except msgspec.ValidationError as exc:
        raise DecodeError("invalid", describe_patterns(str(exc))) from exc
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as exc:
        raise DecodeError("not-json", str(exc)) from exc
    _check_time(record, now)
    return record


def _check_time(record: object, now: float) -> None:
    for name, earliest in _EARLIEST_BY_FIELD.items():
        at = getattr(record, name, None)
        if at is not None and not earliest <= at <= now + LATEST_AHEAD_SECONDS:
            year = datetime.fromtimestamp(earliest, UTC).year
            raise DecodeError("absurd-time", f"{name} {at!r} is before {year} or more than a day ahead")


def encode(record: Record) -> bytes:
    """Return the record as JSON."""
    return _encoder.encode(record)
