"""Authentication: a key in `X-API-Key`, or as a bearer token. Handlers that need no key carry `OPEN_ROUTE`."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from hmac import compare_digest
from http import HTTPStatus
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from deploy.gateway.problems import Problem

KEY_HEADER = "X-API-Key"
OPEN_ROUTE = {"open": True}
"""The `opt` of a handler that needs no key."""


def key_guard(keys: Sequence[str]) -> Guard:
    """Return a guard that accepts requests with one of the keys; it compares them in constant time."""
    digests = [_digest(key) for key in keys]

    def require_key(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        if handler.opt.get("open"):
            return
        presented = _digest(_presented_key(connection))
        if not sum(compare_digest(presented, digest) for digest in digests):
            text = f"no valid key: send one of those in setting gateway.api_keys as the header {KEY_HEADER}"
            raise Problem(HTTPStatus.UNAUTHORIZED, "unauthorized", text, headers={"WWW-Authenticate": "Bearer"})

    return require_key


def _presented_key(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    scheme, _, token = connection.headers.get("Authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    return connection.headers.get(KEY_HEADER) or bearer


def _digest(key: str) -> bytes:
    return blake2b(key.encode()).digest()
