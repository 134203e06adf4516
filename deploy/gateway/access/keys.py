"""API keys and signing keys as they are stored, and what is done to them: create, rotate, revoke.

A key is presented as `ll_<id>_<secret>`. The secret is 256 random bits, so that its SHA-256 is as good as a slow hash,
and a request costs microseconds. Only hashes are stored; signing keys are stored whole, for they sign.

>>> key, presented = new_key("shop", scopes=("lists",), now=0.0)
>>> accepts(key, presented.split("_", 2)[2], now=1.0)
True
>>> rotated, fresh = rotate(key, now=10.0, overlap=60.0)
>>> [accepts(rotated, text.split("_", 2)[2], now=30.0) for text in (presented, fresh)]
[True, True]
>>> [accepts(rotated, text.split("_", 2)[2], now=71.0) for text in (presented, fresh)]
[False, True]
"""

from __future__ import annotations

import secrets
from hashlib import sha256
from hmac import compare_digest
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from deploy.gateway.access.callers import NO_LIMITS, Limits
from deploy.gateway.access.scopes import Scope
from deploy.gateway.limits import MAX_KEY_SECRETS

KEY_PREFIX = "ll"
SECRET_BYTES = 32

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$(?!\n)")]
"""Of an application: lower-case letters, digits and hyphens."""
Tenant = Annotated[str, Meta(pattern=r"^([a-z0-9][a-z0-9-]{0,31})?$(?!\n)")]
"""The name of a tenant; empty for a key that reaches all ids."""
Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]


class HashedSecret(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The SHA-256 of a secret, in hexadecimal; valid until `expires_at`, where that is set."""

    sha256: Hash
    expires_at: float | None = None


class ApiKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A key of an application: its scopes, its tenant (empty: all ids), its limits and its secrets' hashes.

    During a rotation two secrets are valid. Times are seconds since 1970.
    """

    id: Annotated[str, Meta(pattern=r"^[0-9a-f]{8,32}$(?!\n)")]
    application: Name
    tenant: Tenant = ""
    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1)]
    secrets: Annotated[tuple[HashedSecret, ...], Meta(min_length=1, max_length=MAX_KEY_SECRETS)]
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None
    limits: Limits = NO_LIMITS


class SigningKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A secret that signs user tokens, in hexadecimal. The newest signs; each is accepted until `expires_at`."""

    id: Annotated[str, Meta(pattern=r"^[0-9a-f]{8,32}$(?!\n)")]
    secret: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
    created_at: float
    expires_at: float | None = None


def new_key(
    application: str,
    *,
    scopes: tuple[Scope, ...],
    now: float,
    tenant: str = "",
    expires_at: float | None = None,
    limits: Limits = NO_LIMITS,
) -> tuple[ApiKey, str]:
    """Return a key, and the text that an application presents; the text is stored nowhere."""
    key_id, secret = secrets.token_hex(8), _new_secret()
    key = ApiKey(
        id=key_id,
        application=application,
        tenant=tenant,
        scopes=scopes,
        secrets=(HashedSecret(sha256=digest(secret)),),
        created_at=now,
        expires_at=expires_at,
        limits=limits,
    )
    return key, _presented(key_id, secret)


def rotate(key: ApiKey, *, now: float, overlap: float) -> tuple[ApiKey, str]:
    """Return the key with a new secret, and the text to present; the newest old secret stays valid for `overlap`
    seconds, others end at once.
    """
    secret, newest = _new_secret(), key.secrets[-1]
    ends = now + overlap if newest.expires_at is None else min(newest.expires_at, now + overlap)
    old = replace(newest, expires_at=ends)
    return replace(key, secrets=(old, HashedSecret(sha256=digest(secret)))), _presented(key.id, secret)


def accepts(key: ApiKey, secret: str, *, now: float) -> bool:
    """Return whether the key is valid now, and this is one of its valid secrets; all are compared in constant time."""
    presented = digest(secret)
    matches = [
        compare_digest(presented, known.sha256) and (known.expires_at is None or now < known.expires_at)
        for known in key.secrets
    ]
    return any(matches) and is_valid(key, now=now)


def is_valid(key: ApiKey, *, now: float) -> bool:
    """Return whether the key is neither revoked nor expired."""
    return key.revoked_at is None and (key.expires_at is None or now < key.expires_at)


def new_signing_key(*, now: float) -> SigningKey:
    """Return a new key for signing user tokens."""
    return SigningKey(id=secrets.token_hex(4), secret=secrets.token_hex(SECRET_BYTES), created_at=now)


def digest(secret: str) -> str:
    """Return the SHA-256 of a secret, in hexadecimal."""
    return sha256(secret.encode()).hexdigest()


def _new_secret() -> str:
    return secrets.token_urlsafe(SECRET_BYTES)


def _presented(key_id: str, secret: str) -> str:
    return f"{KEY_PREFIX}_{key_id}_{secret}"
