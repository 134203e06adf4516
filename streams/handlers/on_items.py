"""`items`: the catalogue changed. Every worker keeps all of it."""

from __future__ import annotations

from schemas.ids import ItemId
from schemas.items import Item
from streams.handlers.deps import Deps
from streams.log.dead_letters import open_record
from streams.log.records import Inbound


def on_item(record: Inbound, deps: Deps) -> None:
    """Take the item into the table; an empty value withdraws it.

    Raises:
        DecodeError: the record is not an item.
    """
    item: Item | None = open_record(record, now=deps.clock())
    if item is None:
        deps.table.withdraw(ItemId((record.key or b"").decode()))
    else:
        deps.table.put_item(item)
