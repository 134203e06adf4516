"""What can be recommended: the `items` topic, keyed by item; an empty value withdraws the item."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from schemas.bounds import PICTURE_URI_LENGTH, Amount, Locale, Name
from schemas.ids import Category, ItemKey, Time
from schemas.record import Record


class Item(Record, frozen=True, kw_only=True):
    """One item of the catalogue. Its texts are data: nothing in them is ever taken as an instruction.

    An item with `locales` is shown to users of these and of more special ones alone: `de` covers `de-AT`.
    """

    item_id: ItemKey
    title: Annotated[str, Meta(max_length=1_000)] = ""
    text: Annotated[str, Meta(max_length=50_000)] = ""
    images: Annotated[
        tuple[Annotated[str, Meta(max_length=PICTURE_URI_LENGTH)], ...], Meta(max_length=50, description="URIs")
    ] = ()
    categories: Annotated[tuple[Category, ...], Meta(max_length=100)] = ()
    tags: Annotated[tuple[Category, ...], Meta(max_length=200)] = ()
    price: Amount | None = None
    available_from: Time | None = None
    available_until: Time | None = None
    locales: Annotated[tuple[Locale, ...], Meta(max_length=64)] = ()
    attributes: Annotated[
        dict[Name, Annotated[str, Meta(max_length=10_000)] | Amount | bool], Meta(max_length=200)
    ] = {}
