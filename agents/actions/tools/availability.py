"""The tool that says whether an item can be had now."""

from __future__ import annotations

from msgspec import Struct

from agents.actions.service import ToolContext
from agents.actions.tools.item_facts import sheet
from schemas.ids import ItemKey


class CheckAvailability(Struct, frozen=True, forbid_unknown_fields=True):
    """An item by its id."""

    item_id: ItemKey


class ItemAvailability(Struct, frozen=True, kw_only=True):
    """Whether the item is available now, and between which times (seconds since 1970; none: without a bound)."""

    item_id: ItemKey
    available: bool
    available_from: float | None = None
    available_until: float | None = None


async def availability(arguments: CheckAvailability, context: ToolContext) -> ItemAvailability:
    """Return whether an item is available now, and until when."""
    found = await sheet(arguments.item_id, context)
    return ItemAvailability(
        item_id=found.item_id,
        available=found.available,
        available_from=found.available_from,
        available_until=found.available_until,
    )
