"""Scopes: what a key or a user token may do. Each route names the scopes of which one is enough."""

from __future__ import annotations

from typing import Literal, get_args

Scope = Literal["ingest", "instructions", "lists", "memories", "catalogue", "tokens", "admin"]
UserScope = Literal["lists", "memories", "instructions"]

ALL_SCOPES: tuple[Scope, ...] = get_args(Scope)
USER_SCOPES: tuple[UserScope, ...] = get_args(UserScope)
"""Scopes that a user token may have, each for its own user only."""

OPEN_ROUTE = {"open": True}
"""The `opt` of a handler that needs no key."""


def permitted_to(*scopes: Scope) -> dict[str, tuple[Scope, ...]]:
    """Return the `opt` of a handler for keys and tokens that have one of these scopes, or `admin`.

    >>> permitted_to("lists")
    {'scopes': ('lists', 'admin')}
    """
    return {"scopes": (*scopes, "admin")}
