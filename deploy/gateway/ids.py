"""Ids in addresses: a person or an item is the same at this door as in a message.

An id may hold whatever prints, a slash too. Servers hand over addresses with `%2F` undone, and then a slash in an id
looks like one between parts: `DELETE /v1/items/keep%2F` would withdraw `keep`. So parts are told apart before escapes
are undone, and a slash within one travels to the handler as `SLASH`, which no id can hold.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import msgspec

from deploy.gateway.problems import Problem
from schemas.bounds import PATTERN_DESCRIPTIONS
from schemas.ids import ItemId, ItemKey, UserId, UserKey

SLASH = "\x1f"
REFUSED = "\x00"
"""Stands for what no id can hold: bytes that are no UTF-8, and the stand-in for a slash itself."""


def read_whole_ids(scope: MutableMapping[str, Any]) -> None:
    """Put into the scope of a request a path whose parts are those of the address.

    >>> scope = {"type": "http", "raw_path": b"/v1/items/a%2Fb%20c", "path": "/v1/items/a/b c"}
    >>> read_whole_ids(scope)
    >>> scope["path"]
    '/v1/items/a\\x1fb c'
    """
    if scope["type"] != "http":
        return
    raw = scope.get("raw_path") or quote(scope["path"]).encode()
    parts = [_part(part) for part in raw.partition(b"?")[0].split(b"/")]
    scope["path"] = "/".join(parts)


def _part(raw: bytes) -> str:
    try:
        part = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        return REFUSED
    return part.replace(SLASH, REFUSED).replace("/", SLASH)


def user_id(part: str) -> UserId:
    """The person that a part of an address names.

    Raises:
        Problem: no person can have this id.
    """
    return UserId(_id(part, UserKey))


def item_id(part: str) -> ItemId:
    """The item that a part of an address names.

    Raises:
        Problem: no item can have this id.
    """
    return ItemId(_id(part, ItemKey))


def _id(part: str, kind: Any) -> str:
    text = part.replace(SLASH, "/")
    try:
        return str(msgspec.convert(text, kind))
    except msgspec.ValidationError as exc:
        why = str(exc)
        for pattern, words in PATTERN_DESCRIPTIONS.items():
            why = why.replace(f"matching regex {pattern!r}", words)
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", f"{text!r} is no id here: {why}") from exc
