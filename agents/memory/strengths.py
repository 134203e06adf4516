"""Memories about categories as numbers, for the feature store."""

from __future__ import annotations

from collections.abc import Iterable

from agents.memory.record import faded, is_active, is_conditional, signed
from schemas.memories import Memory

STORED_CATEGORIES = 8
"""How many categories the feature store gets: the strongest."""


def category_strengths(memories: Iterable[Memory], now: float) -> dict[str, float]:
    """Return the user's strongest categories with signed strengths as of `now`; negative for disliked ones.

    >>> category_strengths((), 0.0)
    {}
    """
    strengths: dict[str, float] = {}
    for memory in memories:
        if memory.subject == "category" and is_active(memory) and not (memory.parts or is_conditional(memory)):
            strengths[memory.value] = strengths.get(memory.value, 0.0) + signed(memory, faded(memory, now))
    strongest = sorted(strengths, key=lambda name: (-abs(strengths[name]), name))[:STORED_CATEGORIES]
    return {name: strengths[name] for name in strongest}
