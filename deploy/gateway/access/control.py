"""Access control: who a request is from, whether it may, and what the audit log says of it.

A guard checks every request before its body is read. Handlers of bulk posts check each value's id by the caller, and
note whom they concern. The answer's status completes the entry of the audit log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

from litestar.connection import ASGIConnection
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler

from deploy.gateway import ids
from deploy.gateway.access.audit import Audited, AuditEntry, AuditLog
from deploy.gateway.access.callers import Caller, Limits
from deploy.gateway.access.key_ring import KeyRing
from deploy.gateway.access.quotas import QuotaFile
from deploy.gateway.access.rates import QUOTA_EXCEEDED, RATE_LIMITED, RateLimiter
from deploy.gateway.access.record import AccessRecord, record_of
from deploy.gateway.access.scopes import Scope
from deploy.gateway.access.user_tokens import UserTokens
from deploy.gateway.limits import MAX_AUDITED_IDS
from deploy.gateway.problems import Problem

KEY_HEADER = "X-API-Key"
LISTS = "/v1/recommendations/"
"""What the setting `gateway.audit = "people"` leaves out of the audit log: most requests are for lists."""
PageAccess = Literal["open", "admin", "off"]
"""Who may read a page: everybody, keys with the scope `admin`, or nobody."""
OTHER_USER, OTHER_ITEM = "other-user", "other-item"
"""Reasons: the id is outside of what the key or token reaches."""
REFUSALS = ("unauthorized", "missing-scope", OTHER_USER, OTHER_ITEM, RATE_LIMITED, QUOTA_EXCEEDED)
"""Reasons of requests that may not."""
ANONYMOUS = Caller(key="", application="", scopes=frozenset(), limits=Limits(per_second=10.0))
"""Whoever has no valid key: so often their requests are audited, so that they cannot fill the log."""
Connection = ASGIConnection[Any, Any, Any, Any]


@dataclass(frozen=True, kw_only=True)
class AccessControl:
    """Everything that decides about access. `pages` says who may read `/metrics` and the documentation.

    `observe_refusal` receives the reason of every answer that is not a success.
    """

    ring: KeyRing
    tokens: UserTokens
    limiter: RateLimiter
    clock: Callable[[], float]
    audit: AuditLog | None = None
    quotas: QuotaFile | None = None
    audited: Audited = "all"
    pages: Mapping[str, PageAccess] = field(default_factory=dict)
    observe_refusal: Callable[[str], None] = lambda reason: None

    def start(self) -> None:
        """Begin to write the audit log and the quotas. Call once."""
        for writer in (self.audit, self.quotas):
            if writer is not None:
                writer.start()

    def close(self, within: float) -> None:
        """Write what waits; block until then, at most these seconds for each."""
        for writer in (self.audit, self.quotas):
            if writer is not None:
                writer.close(within)

    async def check(self, connection: Connection, handler: BaseRouteHandler) -> None:
        """Refuse a request that may not: 1 who is it 2 how often 3 what 4 of whom.

        A guard of Litestar, which would hand one that is not async to a thread.

        Raises:
            Problem: 401 without a valid key or token, 403 without the scope or the user, 429 beyond a limit.
            NotFoundException: the page is off.
        """
        scopes = self._scopes_for(handler)
        if scopes is None:
            return
        record = record_of(connection.scope)
        caller = record.caller = self._caller(connection)
        record.headers = self.limiter.admit(caller)
        if not caller.may(scopes):
            text = f"this takes one of the scopes {', '.join(scopes)}; there are {', '.join(sorted(caller.scopes))}"
            raise Problem(HTTPStatus.FORBIDDEN, "missing-scope", text)
        _check_ids(record, caller, connection.path_params, str(connection.scope.get("method", "")))

    def _scopes_for(self, handler: BaseRouteHandler) -> tuple[Scope, ...] | None:
        """Return the scopes of which a handler takes one; none if it is open. Without a word it takes `admin`."""
        if handler.opt.get("open"):
            return None
        page = handler.opt.get("page")
        if page is None:
            return tuple(handler.opt.get("scopes", ("admin",)))
        match self.pages.get(page, "open"):
            case "open":
                return None
            case "off":
                raise NotFoundException
            case "admin":
                return ("admin",)

    def _caller(self, connection: Connection) -> Caller:
        scheme, _, credentials = connection.headers.get("Authorization", "").partition(" ")
        bearer = credentials.strip() if scheme.lower() == "bearer" else ""
        presented = connection.headers.get(KEY_HEADER) or bearer
        caller = self.ring.caller(presented) if presented else None
        if caller is None and bearer == presented and presented.count(".") == 2:
            caller = self.tokens.caller(presented)
        if caller is None:
            text = f"no valid key or token: send a key as the header {KEY_HEADER}, or either as a bearer token"
            raise Problem(HTTPStatus.UNAUTHORIZED, "unauthorized", text, headers={"WWW-Authenticate": "Bearer"})
        return caller

    def charge(self, scope: Mapping[str, Any], values: int) -> None:
        """Count the further values of a post.

        Raises:
            Problem: 429, they are more than the quota of the day has left.
        """
        record = record_of(scope)
        if record.caller is not None and values > 1:
            before, record.headers = record.headers, {}  # A refusal carries its own.
            record.headers = self.limiter.charge(record.caller, values - 1) or before

    def answered(self, scope: Mapping[str, Any], status: int) -> None:
        """Count a refusal, and have the audit log say what was done. Open pages are not audited."""
        record = record_of(scope)
        if record.reason:
            self.observe_refusal(record.reason)
        if self.audit is not None and self._is_audited(scope, record):
            self.audit.put(self._entry(scope, record, status))

    def _is_audited(self, scope: Mapping[str, Any], record: AccessRecord) -> bool:
        route = scope.get("path_template", "")
        if record.caller is None:
            return record.reason == "unauthorized" and self._may_audit_anonymous()
        return self.audited == "all" or bool(record.reason) or not route.startswith(LISTS)

    def _may_audit_anonymous(self) -> bool:
        try:
            self.limiter.admit(ANONYMOUS)
        except Problem:
            return False
        return True

    def _entry(self, scope: Mapping[str, Any], record: AccessRecord, status: int) -> AuditEntry:
        caller, client = record.caller, scope.get("client")
        return AuditEntry(
            time=self.clock(),
            key=caller.key if caller else "",
            application=caller.application if caller else "",
            tenant=caller.tenant if caller else "",
            user=caller.user if caller else "",
            address=client[0] if client else "",
            action=f"{scope['method']} {scope.get('path_template', '')}",
            of=record.concerns[:MAX_AUDITED_IDS],
            count=len(record.concerns),
            status=status,
            reason=record.reason,
        )


def caller_of(scope: Mapping[str, Any]) -> Caller:
    """Return the caller of a request that the guard has let pass."""
    caller = record_of(scope).caller
    if caller is None:
        raise Problem(HTTPStatus.UNAUTHORIZED, "unauthorized", "no valid key or token")
    return caller


def check_user(caller: Caller, user: str) -> None:
    """Refuse a request about a user that the caller does not own.

    Raises:
        Problem: 403.
    """
    if not caller.owns_user(user):
        raise Problem(HTTPStatus.FORBIDDEN, OTHER_USER, f"user {user!r} is not yours: {caller.reach}")


def _check_ids(record: AccessRecord, caller: Caller, path: Mapping[str, Any], method: str) -> None:
    """Refuse a path with the id of a user, or of an item to be changed, that the caller does not own."""
    if "user_id" in path:
        record.concerns = (ids.user_id(path["user_id"]),)
        check_user(caller, *record.concerns)
    elif "item_id" in path:
        item = ids.item_id(path["item_id"])
        record.concerns = (item,)
        if method != "GET" and not caller.owns_item(item):
            raise Problem(HTTPStatus.FORBIDDEN, OTHER_ITEM, f"item {item!r} is not yours: {caller.reach}")
