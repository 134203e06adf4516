"""The tool that recommends an item, if it may be recommended."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from agents.actions.service import Title, ToolContext
from agents.actions.tools.item_facts import sheet
from schemas.ids import ItemKey

Reason = Annotated[str, Meta(min_length=1, max_length=300)]


class Recommend(Struct, frozen=True, forbid_unknown_fields=True):
    """An item to recommend."""

    item_id: ItemKey


class RecommendedItem(Struct, frozen=True, kw_only=True):
    """Whether the item may be recommended; if not, `refused_for` says what speaks against it."""

    item_id: ItemKey
    title: Title
    accepted: bool
    refused_for: tuple[str, ...] = ()


async def recommend(arguments: Recommend, context: ToolContext) -> RecommendedItem:
    """Recommend an item. It is refused if it is not available now, or if the user's statements forbid it."""
    found = await sheet(arguments.item_id, context)
    reasons = (*(() if found.available else ("not-available",)), *found.forbidden_by)
    return RecommendedItem(item_id=found.item_id, title=found.title, accepted=not reasons, refused_for=reasons)
