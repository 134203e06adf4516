"""Parses a posted body, one value or a list of them, into records for the log, checked like records from Kafka.

Values are independent: an invalid one does not keep out the others. Unknown fields are passed on unchanged.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

import msgspec
from msgspec import Raw, Struct

from deploy.gateway.access.callers import Caller
from deploy.gateway.access.control import OTHER_ITEM, OTHER_USER
from deploy.gateway.handlers.unknown import unknown_fields
from deploy.gateway.limits import MAX_VALUE_BYTES, MAX_VALUES
from deploy.gateway.problems import Problem, Rejected
from schemas.codec import decode
from schemas.errors import DecodeError
from schemas.topics import ITEMS

NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_many = msgspec.json.Decoder(list[Raw])
_fields = msgspec.json.Decoder(dict[str, Raw])
_encode = msgspec.json.encode

KeyedValue = tuple[str, bytes]


class ParsedRequest(Struct, frozen=True):
    """A parsed body: records with their keys, in order; rejected values; and unknown fields by the value's index."""

    records: tuple[KeyedValue, ...]
    rejected: tuple[Rejected, ...]
    ignored: dict[int, tuple[str, ...]] = {}


def parse_request(topic: str, body: bytes, *, now: float, new_id: Callable[[], str], caller: Caller) -> ParsedRequest:
    """Parse a body for a topic. An event without an id or a time gets a new id and `now`.

    Values of users, or items, that the caller does not own are rejected.

    Raises:
        Problem: 400, the body is not JSON; 413, it is a list of more than `MAX_VALUES`.

    >>> event = b'{"type": "like", "user_id": "u1", "item_id": "i1"}'
    >>> shop = Caller(key="k", application="shop", scopes=frozenset())
    >>> parsed = parse_request("interactions", b"[%b, {}]" % event, now=1e9, new_id=lambda: "e1", caller=shop)
    >>> [key for key, value in parsed.records], [(value.index, value.reason) for value in parsed.rejected]
    (['u1'], [(1, 'invalid')])
    """
    records: list[KeyedValue] = []
    rejected: list[Rejected] = []
    ignored: dict[int, tuple[str, ...]] = {}
    for index, raw in enumerate(_values(body)):
        try:
            key, value, record = _record(topic, raw, now, new_id)
            if not (caller.owns_item if topic == ITEMS else caller.owns_user)(key):
                reason = OTHER_ITEM if topic == ITEMS else OTHER_USER
                rejected.append(Rejected(index, reason, f"{key!r} is not yours: {caller.reach}"))
                continue
            if unknown := unknown_fields(value, record):
                ignored[index] = unknown
            records.append((key, value))
        except DecodeError as exc:
            rejected.append(Rejected(index, exc.reason, str(exc)))
    return ParsedRequest(tuple(records), tuple(rejected), ignored)


def is_bulk(body: bytes) -> bool:
    """Return whether the body is a list."""
    return body.lstrip(b" \t\r\n")[:1] == b"["


def _values(body: bytes) -> list[bytes]:
    if not is_bulk(body):
        return [body]
    try:
        values = [bytes(raw) for raw in _many.decode(body)]
    except NOT_JSON as exc:
        raise Problem(HTTPStatus.BAD_REQUEST, "not-json", f"the body is not a JSON list: {exc}") from exc
    if len(values) > MAX_VALUES:
        text = f"{len(values)} values in one request, at most {MAX_VALUES} are accepted: send them in parts"
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-many", text)
    return values


def _record(topic: str, raw: bytes, now: float, new_id: Callable[[], str]) -> tuple[str, bytes, Struct]:
    value = raw if topic == ITEMS else _filled(raw, now, new_id)
    if len(value) > MAX_VALUE_BYTES:
        raise DecodeError("too-large", f"{len(value)} bytes, at most {MAX_VALUE_BYTES} are accepted")
    record = decode(topic, value, now=now)
    key: str = record.item_id if topic == ITEMS else record.user_id
    return key, value, record


def _filled(raw: bytes, now: float, new_id: Callable[[], str]) -> bytes:
    """Return the event with an id and a time; leave a value that is not an object for the codec to refuse."""
    try:
        fields = _fields.decode(raw)
    except NOT_JSON:
        return raw
    if "event_id" in fields and "event_time" in fields:
        return raw
    return _encode({"event_id": new_id(), "event_time": now, **fields})
