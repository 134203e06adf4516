"""`item-statistics`: an item's row changed. Every worker ranks by the newest rows."""

from __future__ import annotations

from schemas.codec import decode
from streams.deps import Deps
from streams.records import Inbound


def on_item_statistics(record: Inbound, deps: Deps) -> None:
    """Take the row into the table.

    Raises:
        DecodeError: the record is not a row of statistics.
    """
    deps.table.put_statistics(decode(record.topic, record.value, now=deps.clock()))
