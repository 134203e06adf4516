"""Handlers that issue tokens for single users, and list keys."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from litestar import Request, get, post
from litestar.params import JSONBody
from msgspec import Meta, Struct

from deploy.gateway.access.callers import Caller, Limits
from deploy.gateway.access.control import caller_of, check_user
from deploy.gateway.access.keys import ApiKey
from deploy.gateway.access.record import record_of
from deploy.gateway.access.scopes import USER_SCOPES, Scope, UserScope, permitted_to
from deploy.gateway.access.user_tokens import IssuedToken
from deploy.gateway.context import GatewayContext, InjectedContext
from deploy.gateway.problems import Problem
from schemas.ids import UserKey

AnyRequest = Request[Any, Any, Any]


class TokenRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For which user a token is, what it permits, and for how many seconds: at most, and by default, as many as the
    setting `gateway.token_seconds` says.
    """

    user_id: UserKey
    scopes: Annotated[tuple[UserScope, ...], Meta(min_length=1)] = USER_SCOPES
    seconds: Annotated[float, Meta(gt=0)] | None = None


class KeyEntry(Struct, frozen=True, kw_only=True):
    """A key without its secrets. `secrets` is how many are stored, `used_today` what a key with a quota has used.

    Keys of the setting `gateway.api_keys` have no times.
    """

    id: str
    application: str
    tenant: str
    scopes: tuple[Scope, ...]
    limits: Limits
    used_today: int
    secrets: int = 1
    created_at: float | None = None
    expires_at: float | None = None
    revoked_at: float | None = None


@post("/v1/tokens", status_code=201, opt=permitted_to("tokens"), tags=["access"], summary="Issue a token for one user")
async def post_tokens(data: JSONBody[TokenRequest], request: AnyRequest, context: InjectedContext) -> IssuedToken:
    """Issue a short-lived token with which a user's own page reads that user's list and memories.

    Send it as `Authorization: Bearer`. It ends by itself, and when the key that issued it is revoked.
    """
    caller = caller_of(request.scope)
    record_of(request.scope).concerns = (data.user_id,)
    check_user(caller, data.user_id)
    tokens = context.access.tokens
    issued = tokens.issue(caller, data.user_id, data.scopes, data.seconds or tokens.seconds)
    if issued is None:
        text = "there is no key to sign tokens with: `lifelong keys rotate-signing` makes one"
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "no-signing-key", text)
    return issued


@get("/v1/keys", opt=permitted_to(), tags=["access"], summary="List keys")
async def get_keys(request: AnyRequest, context: InjectedContext) -> tuple[KeyEntry, ...]:
    """List all keys, revoked and expired ones included, with what they may do; a key of a tenant lists the tenant's.

    Secrets are in no answer.
    """
    ring, tenant = context.access.ring, caller_of(request.scope).tenant
    entries = (
        *(_of_settings(context, caller) for caller in ring.settings_callers),
        *(_of_file(context, key) for key in ring.keys),
    )
    return tuple(entry for entry in entries if tenant in ("", entry.tenant))


def _of_settings(context: GatewayContext, caller: Caller) -> KeyEntry:
    return KeyEntry(
        id=caller.key,
        application=caller.application,
        tenant=caller.tenant,
        scopes=tuple(sorted(caller.scopes)),
        limits=caller.limits,
        used_today=context.access.limiter.used_today(caller.key),
    )


def _of_file(context: GatewayContext, key: ApiKey) -> KeyEntry:
    return KeyEntry(
        id=key.id,
        application=key.application,
        tenant=key.tenant,
        scopes=key.scopes,
        limits=key.limits,
        used_today=context.access.limiter.used_today(key.id),
        secrets=len(key.secrets),
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
    )
