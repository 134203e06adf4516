"""`item-perceptions`: an item was looked at and read. Workers compare it with what users show and search
for, and gateways search it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference.signals.content_map import ContentMap
from inference.signals.perceptions import Perceptions
from schemas.ids import ItemId
from schemas.item_perceptions import ItemPerception
from streams.handlers.deps import Deps
from streams.log.dead_letters import open_record
from streams.log.records import Inbound
from streams.outcomes.projection import NOTHING, Projection

if TYPE_CHECKING:
    from inference.search.index import SearchIndex


def on_item_perception(record: Inbound, deps: Deps) -> None:
    """Put the item's vectors into the worker's table; an empty value takes them out.

    Raises:
        DecodeError: the record is not a perception.
    """
    perception: ItemPerception | None = open_record(record, now=deps.clock())
    perceptions = deps.table.signal(Perceptions)
    item = ItemId((record.key or b"").decode()) if perception is None else perception.item_id
    if perception is None:
        perceptions.forget(deps.table, item)
    else:
        perceptions.take(deps.table, perception)
    deps.table.signal(ContentMap).changed(deps.table, (item,))


def index_perception(record: Inbound, index: SearchIndex, *, now: float) -> None:
    """Put the item's vectors into the search index; an empty value takes them out.

    Raises:
        DecodeError: the record is not a perception.
    """
    perception: ItemPerception | None = open_record(record, now=now)
    index.put_perception(ItemId((record.key or b"").decode()) if perception is None else perception.item_id, perception)


def project_perception(record: Inbound, *, now: float) -> Projection:
    """Return that nothing is projected: the projector reads the topic to write the dead letters about it.

    Raises:
        DecodeError: the record is not a perception.
    """
    open_record(record, now=now)
    return NOTHING
