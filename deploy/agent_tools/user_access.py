"""Whom an agent acts for: the user of a token, and tokens that are issued with a key and renewed in time."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

import httpx
import jwt
import msgspec

from deploy.gateway.access.scopes import USER_SCOPES, UserScope
from deploy.gateway.access.user_tokens import IssuedToken
from schemas.errors import ToolRefused
from schemas.ids import UserId

RENEWED_BEFORE = 60.0
"""Seconds before its end at which a token is replaced; half of its life, if that is shorter."""


class Authorised(msgspec.Struct, frozen=True):
    """The user whom a token names, and the scopes that it names; the gateway checks both."""

    user: UserId
    scopes: tuple[UserScope, ...]


def authorised_by(token: str) -> Authorised:
    """Return whom a token is for. Its signature is checked by the gateway, at every call, and not here.

    Raises:
        ToolRefused: it is no token of a user.
    """
    try:
        payload = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError) as exc:
        raise ToolRefused("forbidden", "a token of a user is needed: POST /v1/tokens issues one") from exc
    user, scopes = payload.get("sub"), str(payload.get("scope", "")).split()
    if not isinstance(user, str) or not user:
        raise ToolRefused("forbidden", "the token names no user: POST /v1/tokens issues one that does")
    return Authorised(UserId(user), tuple(scope for scope in USER_SCOPES if scope in scopes))


class IssuedTokens:
    """Tokens of one user, issued by the gateway with an application's key, each used until shortly before its end."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        key: str,
        user: UserId,
        scopes: tuple[UserScope, ...],
        clock: Callable[[], float],
    ) -> None:
        self._client, self._key, self._clock = client, key, clock
        self._body = {"user_id": user, "scopes": scopes}
        self._token = ""
        self._renewed_at = float("-inf")

    async def token(self) -> str:
        """Return a token that is valid for a while.

        Raises:
            ToolRefused: the gateway issues none, or does not answer.
        """
        if self._clock() < self._renewed_at:
            return self._token
        headers = {"X-API-Key": self._key}
        try:
            answer = await self._client.post("/v1/tokens", content=msgspec.json.encode(self._body), headers=headers)
        except httpx.HTTPError as exc:
            raise ToolRefused("unavailable", f"the gateway does not answer: {type(exc).__name__}: {exc}") from exc
        if answer.status_code != HTTPStatus.CREATED:
            raise ToolRefused("forbidden", f"the gateway issues no token: {answer.status_code} {answer.text[:500]}")
        issued, now = msgspec.json.decode(answer.content, type=IssuedToken), self._clock()
        self._token = issued.token
        self._renewed_at = issued.expires_at - min(RENEWED_BEFORE, (issued.expires_at - now) / 2)
        return self._token
