"""What the `recommendations` topic holds for a person just before an event, as a subscriber would read it."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from schemas.ids import DEFAULT_USER, ItemId, UserId
from schemas.locales import default_user, fallbacks
from streams.log.records import Inbound

Kind = Literal["none", "own", "default"]
KINDS: tuple[Kind, ...] = ("none", "own", "default")


class _Item(Struct, frozen=True):
    item_id: ItemId


class _Slate(Struct, frozen=True):
    items: tuple[_Item, ...]


class _List(Struct, frozen=True):
    """The part of a `Recommendation` that is looked at."""

    user_id: UserId
    slates: tuple[_Slate, ...]
    event_time: float
    expires_at: float


class ServedList(Struct, frozen=True):
    """The list that somebody would be shown: whose it is, its items, and how old it is in seconds of event time."""

    kind: Kind
    items: tuple[ItemId, ...] = ()
    age: float = 0.0


class ServedLists:
    """The newest list of each person, read from the topic record by record."""

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(_List).decode
        self._newest: dict[UserId, tuple[float, float, tuple[ItemId, ...]]] = {}

    def take(self, records: list[Inbound]) -> None:
        """Read on. Records of a person come in the order of their versions."""
        for record in records:
            made = self._decode(record.value or b"")
            items = tuple([ranked.item_id for ranked in made.slates[0].items]) if made.slates else ()
            self._newest[made.user_id] = (made.event_time, made.expires_at, items)

    def own(self, user: UserId, now: float) -> ServedList | None:
        """The person's list, if there is one that has not expired."""
        made_at, expires_at, items = self._newest.get(user, (0.0, 0.0, ()))
        return ServedList("own", items, now - made_at) if expires_at > now else None

    def default(self, now: float, locale: str = "") -> ServedList:
        """Return the list for users never seen, of this locale or what it falls back to, unless it has expired."""
        for user in (*map(default_user, fallbacks(locale)), DEFAULT_USER):
            made_at, expires_at, items = self._newest.get(user, (0.0, 0.0, ()))
            if expires_at > now:
                return ServedList("default", items, now - made_at)
        return ServedList("none")
