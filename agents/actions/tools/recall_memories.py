"""The tool that recalls what is believed of the user."""

from __future__ import annotations

from msgspec import Struct

from agents.actions.service import Number, RememberedFact, ToolContext, Words


class RecallMemories(Struct, frozen=True, forbid_unknown_fields=True):
    """What the memories are to be about; empty: whatever is surest."""

    about: Words = ""
    n: Number = 10


class RecalledMemories(Struct, frozen=True):
    """Memories in words."""

    memories: tuple[RememberedFact, ...]


async def recall_memories(arguments: RecallMemories, context: ToolContext) -> RecalledMemories:
    """Recall what is believed of the user, in words: what they stated, and what was inferred from what they did."""
    return RecalledMemories(await context.user.memories(arguments.about, arguments.n))
