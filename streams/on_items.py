"""`items`: the catalogue changed. Every worker keeps all of it."""

from __future__ import annotations

from schemas.codec import decode
from schemas.ids import ItemId
from streams.deps import Deps
from streams.records import Inbound


def on_item(record: Inbound, deps: Deps) -> None:
    """Take the item into the table; an empty value withdraws it.

    Raises:
        DecodeError: the record is not an item.
    """
    if not record.value:
        deps.table.withdraw(ItemId((record.key or b"").decode(errors="replace")))
    else:
        deps.table.put_item(decode(record.topic, record.value, now=deps.clock()))
