"""The tool that reads which items the user has had."""

from __future__ import annotations

from msgspec import Struct

from agents.actions.service import Number, PastItem, ToolContext


class ReadHistory(Struct, frozen=True, forbid_unknown_fields=True):
    """How many items, the newest first."""

    n: Number = 20


class UserHistory(Struct, frozen=True):
    """Items that the user interacted with, the newest first."""

    items: tuple[PastItem, ...]


async def history(arguments: ReadHistory, context: ToolContext) -> UserHistory:
    """Return the items that the user interacted with last: how often, when, and how they liked them."""
    return UserHistory(await context.user.history(arguments.n))
