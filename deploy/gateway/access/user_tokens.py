"""Tokens of users: an application issues a short-lived one for its user, whose page then reads only that user.

A token is a JSON Web Token (RFC 7519), signed with HMAC-SHA-256 by the newest signing key, whose id is in `kid`. It
names the key that issued it: revoking that key ends the token, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jwt
from msgspec import Struct

from deploy.gateway.access.callers import Caller, Limits
from deploy.gateway.access.key_ring import KeyRing
from deploy.gateway.access.scopes import USER_SCOPES, UserScope

ALGORITHM = "HS256"
ISSUER = "lifelong"
LEEWAY_SECONDS = 30.0
"""How far ahead the clock of another gateway may be."""
REQUIRED = ("iss", "aud", "sub", "iat", "exp", "key", "scope")
# PyJWT compares times with the machine's clock; here the time is an argument, so they are compared below.
OPTIONS: Any = {"require": list(REQUIRED), "verify_exp": False, "verify_iat": False, "verify_nbf": False}


class IssuedToken(Struct, frozen=True, kw_only=True):
    """A token for one user: send it as `Authorization: Bearer`. Times are seconds since 1970."""

    token: str
    user_id: str
    scopes: tuple[UserScope, ...]
    expires_at: float


class UserTokens:
    """Issues and checks tokens of users, which live for `seconds` at most, for gateways of one `audience`."""

    def __init__(
        self, ring: KeyRing, *, audience: str, seconds: float, clock: Callable[[], float], limits: Limits
    ) -> None:
        self._ring = ring
        self._audience = audience
        self._clock = clock
        self._limits = limits
        self.seconds = seconds

    def issue(self, issuer: Caller, user: str, scopes: tuple[UserScope, ...], seconds: float) -> IssuedToken | None:
        """Return a token that ends after `seconds`, the setting's at most; none without a signing key."""
        signing = self._ring.newest_signing_key()
        if signing is None:
            return None
        now = self._clock()
        expires = now + min(seconds, self.seconds)
        payload = {
            "iss": ISSUER,
            "aud": self._audience,
            "sub": user,
            "iat": now,
            "exp": expires,
            "key": issuer.key,
            "app": issuer.application,
            "tenant": issuer.tenant,
            "scope": " ".join(scopes),
        }
        token = jwt.encode(payload, bytes.fromhex(signing.secret), ALGORITHM, headers={"kid": signing.id})
        return IssuedToken(token=token, user_id=user, scopes=scopes, expires_at=expires)

    def caller(self, token: str) -> Caller | None:
        """Return the caller of a token; none if it is not valid now."""
        payload = self._verified(token)
        if payload is None or not self._is_current(payload) or not self._ring.is_valid(str(payload["key"])):
            return None
        scopes = [scope for scope in USER_SCOPES if scope in str(payload["scope"]).split()]
        caller = Caller(
            key=str(payload["key"]),
            application=str(payload.get("app", "")),
            tenant=str(payload.get("tenant", "")),
            user=str(payload["sub"]),
            scopes=frozenset(scopes),
            limits=self._limits,
        )
        return caller if caller.user else None

    def _verified(self, token: str) -> dict[str, Any] | None:
        try:
            signing = self._ring.signing_key(str(jwt.get_unverified_header(token).get("kid", "")))
            if signing is None:
                return None
            secret = bytes.fromhex(signing.secret)
            return dict(
                jwt.decode(
                    token, secret, algorithms=[ALGORITHM], audience=self._audience, issuer=ISSUER, options=OPTIONS
                )
            )
        except (jwt.PyJWTError, ValueError, RecursionError):
            return None

    def _is_current(self, payload: dict[str, Any]) -> bool:
        """Return whether the token has begun and not ended, and does not live longer than tokens may."""
        issued, expires, now = payload["iat"], payload["exp"], self._clock()
        if not all(isinstance(time, int | float) and not isinstance(time, bool) for time in (issued, expires)):
            return False
        return bool(issued <= now + LEEWAY_SECONDS and now < expires <= issued + self.seconds)
