"""The tool that reads what most users choose now."""

from __future__ import annotations

from msgspec import Struct

from agents.actions.service import ItemCard, Number, ToolContext


class ReadTrending(Struct, frozen=True, forbid_unknown_fields=True):
    """How many items."""

    n: Number = 10


class TrendingItems(Struct, frozen=True):
    """Items, the most chosen first."""

    items: tuple[ItemCard, ...]


async def trending_items(arguments: ReadTrending, context: ToolContext) -> TrendingItems:
    """Return what most users choose now. Forbidden items are left out."""
    return TrendingItems(await context.items.trending(arguments.n))
