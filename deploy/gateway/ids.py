"""Ids in request paths: a user or an item has the same id over HTTP as in a message.

An id may hold any printable character, also a slash. Servers pass paths with `%2F` decoded, and then a slash in an id
looks like a separator: `DELETE /v1/items/keep%2F` would withdraw `keep`. So paths are split before escapes are decoded,
and a slash within a part reaches the handler as `SLASH`, which no id can hold.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import msgspec

from deploy.gateway.problems import Problem
from schemas.bounds import describe_patterns
from schemas.ids import ItemId, ItemKey, UserId, UserKey

SLASH = "\x1f"
REFUSED = "\x00"
"""Replaces what no id can hold: bytes that are not UTF-8, and the character `SLASH` itself."""


def read_whole_ids(scope: MutableMapping[str, Any]) -> None:
    """Set the path in a request's scope so that its parts are those of the raw address.

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
    """Return the user id in a part of a path.

    Raises:
        Problem: 422, it is not a valid user id.
    """
    return UserId(_id(part, UserKey))


def item_id(part: str) -> ItemId:
    """Return the item id in a part of a path.

    Raises:
        Problem: 422, it is not a valid item id.
    """
    return ItemId(_id(part, ItemKey))


def _id(part: str, kind: Any) -> str:
    text = part.replace(SLASH, "/")
    try:
        return str(msgspec.convert(text, kind))
    except msgspec.ValidationError as exc:
        message = describe_patterns(str(exc))
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", f"{text!r} is not a valid id: {message}") from exc
