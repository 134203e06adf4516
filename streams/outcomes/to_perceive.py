"""What a record gives the perceiver to look at."""

from __future__ import annotations

from msgspec import Struct

from schemas.ids import ItemId
from schemas.interactions import Look, Review, Search
from schemas.items import Item
from streams.log.records import Inbound


class ToPerceive(Struct, frozen=True, kw_only=True):
    """An item, an interaction, or an item that was withdrawn: one of them, and the record that holds it."""

    record: Inbound
    item: Item | None = None
    withdrawn: ItemId | None = None
    event: Look | Search | Review | None = None
