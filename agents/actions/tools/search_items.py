"""The tool that searches the catalogue by words."""

from __future__ import annotations

from msgspec import Struct

from agents.actions.service import ItemCard, Number, ToolContext, Wanted


class SearchItems(Struct, frozen=True, forbid_unknown_fields=True):
    """Words to search by."""

    words: Wanted
    n: Number = 10


class WordMatches(Struct, frozen=True):
    """Items, the best first."""

    items: tuple[ItemCard, ...]


async def search_items(arguments: SearchItems, context: ToolContext) -> WordMatches:
    """Search the catalogue by words. Items that the user's statements forbid are left out."""
    return WordMatches(await context.items.search(arguments.words, "", arguments.n))
