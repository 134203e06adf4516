"""Locales: how they are compared, and whose list serves unknown users of one."""

from __future__ import annotations

from functools import lru_cache

from schemas.ids import DEFAULT_USER, UserId


def locale_key(locale: str) -> str:
    """Return the locale as it is compared: in lower case, with `-` between its parts (BCP 47).

    >>> locale_key("de_AT")
    'de-at'
    """
    return locale.strip().lower().replace("_", "-")


@lru_cache(maxsize=4_096)
def fallbacks(locale: str) -> tuple[str, ...]:
    """Return the locale and what it falls back to, the most special first, as in the lookup of RFC 4647.

    >>> fallbacks("de_AT"), fallbacks("")
    (('de-at', 'de'), ())
    """
    parts = locale_key(locale).split("-")
    return tuple("-".join(parts[:size]) for size in range(len(parts), 0, -1)) if parts[0] else ()


def default_user(locale: str = "") -> UserId:
    """Return whose list users get that were never seen: of this locale, or of any.

    >>> default_user("de_AT"), default_user()
    ('@default:de-at', '@default')
    """
    return UserId(f"{DEFAULT_USER}:{locale_key(locale)}") if locale_key(locale) else DEFAULT_USER


def is_default(user: str) -> bool:
    """Return whether the list is one for users never seen: no user has an id that begins with `@default`."""
    return user.startswith(DEFAULT_USER)
