"""`items`: the catalogue changed. Workers rank by it, the projector indexes it, the perceiver looks at it, the gateway
serves and searches it.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from msgspec.structs import replace

from schemas.ids import ItemId
from schemas.items import Item
from streams.handlers.deps import Deps
from streams.log.dead_letters import open_record
from streams.log.records import Inbound
from streams.outcomes.projection import Projection
from streams.outcomes.to_perceive import ToPerceive
from streams.outcomes.view_update import ItemUpdate

if TYPE_CHECKING:
    from inference.search.index import SearchIndex


def on_item(record: Inbound, deps: Deps) -> None:
    """Put the item into the worker's table; an empty value withdraws it.

    Raises:
        DecodeError: the record is not an item.
    """
    item: Item | None = open_record(record, now=deps.clock())
    if item is None:
        deps.table.withdraw(_item_id(record))
    else:
        # Pictures may be in the entry itself, and workers never look at them.
        deps.table.put_item(replace(item, images=()) if item.images else item)


def index_item(record: Inbound, index: SearchIndex, *, now: float) -> None:
    """Put the item into the search index; an empty value withdraws it.

    Raises:
        DecodeError: the record is not an item.
    """
    item: Item | None = open_record(record, now=now)
    if item is None:
        index.withdraw(_item_id(record))
    else:
        index.put_item(item)


def project_item(record: Inbound, *, now: float) -> Projection:
    """Return the item that the indexes are to hold, or the one that they are to drop.

    Raises:
        DecodeError: the record is not an item.
    """
    item: Item | None = open_record(record, now=now)
    return Projection(withdrawn=_item_id(record)) if item is None else Projection(item=item)


def perceive_item(record: Inbound, *, now: float) -> ToPerceive:
    """Return the item whose text and pictures are to be encoded, or the one that was withdrawn.

    Raises:
        DecodeError: the record is not an item.
    """
    item: Item | None = open_record(record, now=now)
    return (
        ToPerceive(record=record, withdrawn=_item_id(record)) if item is None else ToPerceive(record=record, item=item)
    )


def view_item(record: Inbound, *, now: float, caught_up: bool) -> ItemUpdate:
    """Return the catalogue entry to serve from now on.

    Raises:
        DecodeError: the record is not an item.
    """
    del caught_up
    item: Item | None = open_record(record, now=now)
    if item is None:
        return ItemUpdate(_item_id(record), None)
    begins = -inf if item.available_from is None else item.available_from
    ends = inf if item.available_until is None else item.available_until
    return ItemUpdate(_item_id(record), record.value, (begins, ends))


def _item_id(record: Inbound) -> ItemId:
    return ItemId((record.key or b"").decode())
