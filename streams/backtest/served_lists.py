"""Served lists: what the `recommendations` topic holds for a user just before an event, as a subscriber reads it."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from schemas.ids import DEFAULT_USER, ItemId, ListId, UserId
from schemas.locales import default_user, fallbacks
from streams.log.records import Inbound

Kind = Literal["none", "own", "default"]
LIST_KINDS: tuple[Kind, ...] = ("none", "own", "default")


class _Item(Struct, frozen=True):
    item_id: ItemId


class _Slate(Struct, frozen=True):
    list_id: ListId
    items: tuple[_Item, ...]


class _List(Struct, frozen=True):
    """The part of a `Recommendation` that is read."""

    user_id: UserId
    slates: tuple[_Slate, ...]
    event_time: float
    expires_at: float


class ServedList(Struct, frozen=True):
    """The list that a user would be shown: its kind, its items, its age in seconds of event time, and its id."""

    kind: Kind
    items: tuple[ItemId, ...] = ()
    age: float = 0.0
    list_id: ListId = ListId("")


NO_LIST = (0.0, 0.0, (), ListId(""))


class ServedLists:
    """The newest list of each user, read from the topic record by record."""

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(_List).decode
        self._newest: dict[UserId, tuple[float, float, tuple[ItemId, ...], ListId]] = {}

    def read(self, records: list[Inbound]) -> None:
        """Read records; those of a user come in the order of their versions."""
        for record in records:
            served = self._decode(record.value or b"")
            home = served.slates[0] if served.slates else _Slate(ListId(""), ())
            items = tuple([ranked.item_id for ranked in home.items])
            self._newest[served.user_id] = (served.event_time, served.expires_at, items, home.list_id)

    def own(self, user: UserId, now: float) -> ServedList | None:
        """Return the user's list, if there is one that has not expired."""
        event_time, expires_at, items, list_id = self._newest.get(user, NO_LIST)
        return ServedList("own", items, now - event_time, list_id) if expires_at > now else None

    def newest(self, user: UserId) -> tuple[ItemId, ...]:
        """Return the items of the user's newest list, expired or not; none if there is no list."""
        return self._newest.get(user, NO_LIST)[2]

    def default(self, now: float, locale: str = "") -> ServedList:
        """Return the non-personalised list of this locale or what it falls back to, unless it has expired."""
        for user in (*map(default_user, fallbacks(locale)), DEFAULT_USER):
            event_time, expires_at, items, list_id = self._newest.get(user, NO_LIST)
            if expires_at > now:
                return ServedList("default", items, now - event_time, list_id)
        return ServedList("none")
