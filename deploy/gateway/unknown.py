"""Fields of a posted value that its type does not have: they are passed on, and named to whoever sent them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from schemas.errors import DecodeError

MOST_UNKNOWN_FIELDS = 20
"""How many are named of one value."""


def unknown_fields(value: bytes, record: Struct) -> tuple[str, ...]:
    """The names in this JSON object that the record, which was decoded from it, has no field for; nested ones dotted.

    Raises:
        DecodeError: it is no JSON, in a field that nobody knows and that the record's own decoder skipped.

    >>> from schemas.codec import decode
    >>> event = b'{"type":"like","event_id":"e","user_id":"u","event_time":1e9,"item_id":"i"'
    >>> sent = event + b',"colour":1,"context":{"x":2}}'
    >>> unknown_fields(sent, decode("interactions", sent, now=2e9))
    ('colour', 'context.x')
    """
    try:
        sent = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise DecodeError("not-json", f"in a field that nobody knows: {exc}") from exc
    return tuple(sorted(_unknown(sent, record, "")))[:MOST_UNKNOWN_FIELDS]


def _unknown(sent: Any, record: Any, path: str) -> Iterator[str]:
    if isinstance(record, Struct) and isinstance(sent, Mapping):
        known = _names(record)
        for name, part in sent.items():
            if name in known:
                yield from _unknown(part, getattr(record, known[name], None), f"{path}{name}.")
            else:
                yield f"{path}{name}"
    elif isinstance(record, tuple | list) and isinstance(sent, list):
        for one, part in zip(record, sent, strict=False):
            yield from _unknown(part, one, path)


def _names(record: Struct) -> dict[str, str]:
    """Its fields, and the tag that tells its type, by their names in JSON."""
    config = record.__struct_config__
    named = dict(zip(record.__struct_encode_fields__, record.__struct_fields__, strict=True))
    return named | ({config.tag_field: ""} if config.tag_field else {})
