"""The tool that finds items similar to one."""

from __future__ import annotations

from msgspec import Struct

from agents.actions.service import ItemCard, Number, SimilarityKind, ToolContext
from schemas.ids import ItemKey


class FindSimilar(Struct, frozen=True, forbid_unknown_fields=True):
    """An item, and what similarity is based on: its content, or who chose it."""

    item_id: ItemKey
    n: Number = 10
    by: SimilarityKind = "content"


class AlikeItems(Struct, frozen=True):
    """Items, the most similar first."""

    items: tuple[ItemCard, ...]


async def similar_items(arguments: FindSimilar, context: ToolContext) -> AlikeItems:
    """Find items similar to one, by content or by who chose it. Forbidden items are left out."""
    return AlikeItems(await context.items.similar(arguments.item_id, arguments.n, arguments.by))
