"""Who a request is from: an application by its key, or one user by a token that an application issued."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from deploy.gateway.access.scopes import Scope

SEPARATOR = ":"
"""Between a tenant's name and the rest of an id."""


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of a key; 0 sets none. Requests per second, how many at once, and values per day (UTC).

    A read counts as one value, a POST as many as it holds.
    """

    per_second: float = 0.0
    burst: int = 0
    per_day: int = 0


NO_LIMITS = Limits()


class Caller(Struct, frozen=True, kw_only=True):
    """A key's or a token's rights. A tenant's caller reaches only ids that begin with the tenant's name and a colon;
    a token's caller reaches only its `user`.

    >>> caller = Caller(key="k1", application="shop", tenant="acme", scopes=frozenset({"lists"}))
    >>> caller.owns_user("acme:ann"), caller.owns_user("ann"), caller.may(("lists", "admin"))
    (True, False, True)
    """

    key: str
    application: str
    scopes: frozenset[Scope]
    tenant: str = ""
    user: str = ""
    limits: Limits = NO_LIMITS

    def may(self, scopes: Iterable[Scope]) -> bool:
        """Return whether the caller has one of these scopes."""
        return not self.scopes.isdisjoint(scopes)

    def owns_user(self, user: str) -> bool:
        """Return whether the caller may read and write this user."""
        return user == self.user if self.user else self._in_tenant(user)

    def owns_item(self, item: str) -> bool:
        """Return whether the caller may write this item: tenants share the catalogue, and each writes its part."""
        return not self.user and self._in_tenant(item)

    @property
    def reach(self) -> str:
        """Say which ids the caller reaches."""
        if self.user:
            return f"this token is of user {self.user!r}"
        return f"this key is of tenant {self.tenant!r}: ids begin with {self.tenant + SEPARATOR!r}"

    def _in_tenant(self, name: str) -> bool:
        return not self.tenant or name.startswith(self.tenant + SEPARATOR)
