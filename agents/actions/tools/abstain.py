"""The tool that recommends nothing."""

from __future__ import annotations

from msgspec import Struct

from agents.actions.service import ToolContext
from agents.actions.tools.recommend import Reason


class Abstain(Struct, frozen=True, forbid_unknown_fields=True):
    """Why nothing is recommended."""

    reason: Reason


class Abstained(Struct, frozen=True):
    """That nothing is recommended is on record."""

    reason: Reason


async def abstain(arguments: Abstain, context: ToolContext) -> Abstained:
    """Recommend nothing, and say why: better than an item that does not fit."""
    del context
    return Abstained(arguments.reason)
