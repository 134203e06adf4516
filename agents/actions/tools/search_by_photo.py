"""The tool that searches the catalogue by a picture."""

from __future__ import annotations

from msgspec import Struct

from agents.actions.service import ItemCard, Number, Photo, ToolContext


class SearchByPhoto(Struct, frozen=True, forbid_unknown_fields=True):
    """A picture to search by."""

    photo: Photo
    n: Number = 10


class LookAlikes(Struct, frozen=True):
    """Items that look like the picture, the most alike first."""

    items: tuple[ItemCard, ...]


async def search_by_photo(arguments: SearchByPhoto, context: ToolContext) -> LookAlikes:
    """Search the catalogue by a picture, where pictures are perceived. Forbidden items are left out."""
    return LookAlikes(await context.items.search("", arguments.photo, arguments.n))
