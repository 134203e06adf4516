"""Unknown fields of a posted value: they are stored, and named in the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from deploy.gateway.limits import MAX_UNKNOWN_FIELDS
from schemas.errors import DecodeError


def unknown_fields(value: bytes, record: Struct) -> tuple[str, ...]:
    """Return names in a JSON object for which the record decoded from it has no field; nested ones are dotted.

    Raises:
        DecodeError: an unknown field, which the record's own decoder skipped, is not JSON.

    >>> from schemas.codec import decode
    >>> event = b'{"type":"like","event_id":"e","user_id":"u","event_time":1e9,"item_id":"i"'
    >>> sent = event + b',"colour":1,"context":{"x":2}}'
    >>> unknown_fields(sent, decode("interactions", sent, now=2e9))
    ('colour', 'context.x')
    """
    try:
        sent = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise DecodeError("not-json", f"in an unknown field: {exc}") from exc
    return tuple(sorted(_unknown(sent, record, "")))[:MAX_UNKNOWN_FIELDS]


def _unknown(sent: Any, record: Any, path: str) -> Iterator[str]:
    if isinstance(record, Struct) and isinstance(sent, Mapping):
        fields = _json_fields(record)
        for name, part in sent.items():
            if name in fields:
                yield from _unknown(part, getattr(record, fields[name], None), f"{path}{name}.")
            else:
                yield f"{path}{name}"
    elif isinstance(record, tuple | list) and isinstance(sent, list):
        for element, part in zip(record, sent, strict=False):
            yield from _unknown(part, element, path)


def _json_fields(record: Struct) -> dict[str, str]:
    """Return the record's field names, and its tag field, by their names in JSON."""
    config = record.__struct_config__
    fields = dict(zip(record.__struct_encode_fields__, record.__struct_fields__, strict=True))
    return fields | ({config.tag_field: ""} if config.tag_field else {})
