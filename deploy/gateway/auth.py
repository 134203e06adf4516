"""Who may come in: a key in `X-API-Key`, or as a bearer token. What is open says so at its handler."""

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
    """A guard that lets through whoever brings one of the keys; how long it takes tells nothing about them."""
    known = [_digest(key) for key in keys]

    def require_key(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        if handler.opt.get("open"):
            return
        brought = _digest(_brought(connection))
        if not sum(compare_digest(brought, key) for key in known):
            text = f"no valid key: send one of those in setting gateway.api_keys as the header {KEY_HEADER}"
            raise Problem(HTTPStatus.UNAUTHORIZED, "unauthorized", text, headers={"WWW-Authenticate": "Bearer"})

    return require_key


def _brought(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    scheme, _, token = connection.headers.get("Authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    return connection.headers.get(KEY_HEADER) or bearer


def _digest(key: str) -> bytes:
    return blake2b(key.encode()).digest()
