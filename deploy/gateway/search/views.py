"""What is shown of items beside their ids: titles, pictures and the like, on request (`with=title,images`)."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Literal, TypeVar, get_args

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from deploy.gateway.problems import Problem
from deploy.gateway.served.cache import Cache
from schemas.codec import decode
from schemas.errors import DecodeError
from schemas.ids import ItemId
from schemas.items import Item
from schemas.topics import ITEMS

Detail = Literal["title", "images", "categories", "price"]
DETAILS: tuple[Detail, ...] = get_args(Detail)


class FoundEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A found item, its score (comparable within one answer), and the fields of the catalogue that `with` names."""

    item_id: ItemId
    score: float
    title: str | UnsetType = UNSET
    images: tuple[str, ...] | UnsetType = UNSET
    categories: tuple[str, ...] | UnsetType = UNSET
    price: float | UnsetType | None = UNSET


_Detailed = TypeVar("_Detailed", bound=Struct)


class CatalogueView:
    """Catalogue entries as the gateway holds them: decoded when they are read."""

    def __init__(self, cache: Cache, *, clock: Callable[[], float]) -> None:
        self._cache, self._clock = cache, clock

    def item(self, item: ItemId) -> Item | None:
        """Return the entry, without pictures in files of the gateway's own machine; none if it is unknown or broken."""
        value = self._cache.item(item)
        try:
            entry: Item | None = decode(ITEMS, value, now=self._clock()) if value else None
        except DecodeError:
            return None
        if entry is None or not any(uri.startswith("file:") for uri in entry.images):
            return entry
        return replace(entry, images=tuple(uri for uri in entry.images if not uri.startswith("file:")))

    def detailed(self, shown: _Detailed, item: ItemId, details: frozenset[Detail]) -> _Detailed:
        """Return the value with these fields of the item filled in; those of an unknown item are left out."""
        entry = self.item(item) if details else None
        if entry is None:
            return shown
        known = {
            "title": entry.title,
            "images": tuple(uri for uri in entry.images if not uri.startswith("data:")),
            "categories": entry.categories,
            "price": entry.price,
        }
        return replace(shown, **{name: known[name] for name in details})


def read_details(text: str) -> frozenset[Detail]:
    """Return the fields that a parameter `with` names, separated by commas.

    Raises:
        Problem: 400, it names another one.

    >>> sorted(read_details("title, images"))
    ['images', 'title']
    """
    names = frozenset(name.strip() for name in text.split(",") if name.strip())
    if unknown := sorted(names - set(DETAILS)):
        detail = f"with={unknown[0]!r} is unknown: name any of {', '.join(DETAILS)}"
        raise Problem(HTTPStatus.BAD_REQUEST, "unknown-detail", detail)
    return frozenset(name for name in DETAILS if name in names)
