"""`item-statistics`: an item's row changed. Workers rank by the newest rows, gateways count by them, the
projector writes them to Feast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from features.ports import FeatureRow
from features.statistics import check_row
from features.views import ITEM_VIEW, item_row
from schemas.statistics import ItemStatistics
from streams.handlers.deps import Deps
from streams.log.dead_letters import open_record
from streams.log.records import Inbound
from streams.outcomes.projection import Projection

if TYPE_CHECKING:
    from inference.search.index import SearchIndex


def on_item_statistics(record: Inbound, deps: Deps) -> None:
    """Put the row into the worker's table.

    Raises:
        DecodeError: the record is not a row of statistics.
    """
    deps.table.put_statistics(_open(record, deps.clock()))


def index_statistics(record: Inbound, index: SearchIndex, *, now: float) -> None:
    """Put the row into the search index.

    Raises:
        DecodeError: the record is not a row of statistics.
    """
    index.put_statistics(_open(record, now))


def project_statistics(record: Inbound, *, now: float) -> Projection:
    """Return the item's row of the feature store.

    Raises:
        DecodeError: the record is not a row of statistics.
    """
    row = _open(record, now)
    return Projection(rows=(FeatureRow(ITEM_VIEW, {"item_id": str(row.item_id)}, row.feature_time, item_row(row)),))


def _open(record: Inbound, now: float) -> ItemStatistics:
    row: ItemStatistics = open_record(record, now=now)
    check_row(row)
    return row
