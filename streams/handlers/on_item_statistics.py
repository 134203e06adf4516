"""`item-statistics`: an item's row changed. Every worker ranks by the newest rows."""

from __future__ import annotations

from features.statistics import check_row
from schemas.statistics import ItemStatistics
from streams.handlers.deps import Deps
from streams.log.dead_letters import open_record
from streams.log.records import Inbound


def on_item_statistics(record: Inbound, deps: Deps) -> None:
    """Take the row into the table.

    Raises:
        DecodeError: the record is not a row of statistics.
    """
    row: ItemStatistics = open_record(record, now=deps.clock())
    check_row(row)
    deps.table.put_statistics(row)
