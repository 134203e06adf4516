"""What is forgotten before it fades: memories beyond the bounds of a user's state."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from agents.memory.record import DECISION_PREDICATES, NEVER, faded, half_life, is_conditional
from agents.memory.settling import is_replaceable, replaced
from schemas.ids import MemoryId
from schemas.memories import Memory, Predicate, Subject

FADING_CAPACITY: dict[Subject, int] = {"category": 40, "item": 24, "attribute": 128}
"""How many fading memories of each subject are kept, counted apart so that items never crowd out categories."""
INFERRED_ATTRIBUTES = 32
"""How many of those of attributes may be inferred: every strong event brings some, and state grows with them."""
DECISION_LIMITS: dict[Predicate, int] = {"bans": 256, "pins": 5, "wants-only": 16, "limits": 32}
"""How many decisions are kept; they do not count against `FADING_CAPACITY`. Beyond, what does not hold any more
is dropped first, then the oldest."""
CONDITIONAL_LIMIT = 32
"""How many of the decisions may hold on a condition, such as with exceptions: they are the long ones."""


def surplus(memories: Iterable[Memory], now: float) -> list[Memory]:
    """Return what exceeds the bounds: what is in doubt first, then the weakest inferred, then the weakest stated, last
    what never fades; of decisions what does not hold any more, then the oldest. Consolidated beliefs have a bound of
    their own.

    >>> surplus((), 0.0)
    []
    """

    def worth(memory: Memory) -> tuple[bool, bool, bool, float, MemoryId]:
        is_sure, is_lasting = memory.doubted_from is None, half_life(memory) >= NEVER
        return is_sure, is_lasting, memory.source == "stated", faded(memory, now), memory.memory_id

    kept = [memory for memory in memories if not memory.parts]
    fading = [memory for memory in kept if memory.predicate not in DECISION_PREDICATES]
    inferred = [memory for memory in fading if memory.subject == "attribute" and memory.source == "inferred"]
    beyond = _first(inferred, INFERRED_ATTRIBUTES, worth)
    dropped = {memory.memory_id for memory in beyond}
    for subject, capacity in FADING_CAPACITY.items():
        own = [memory for memory in fading if memory.subject == subject and memory.memory_id not in dropped]
        beyond += _first(own, capacity, worth)
    return beyond + _surplus_decisions([memory for memory in kept if memory.predicate in DECISION_PREDICATES])


def _surplus_decisions(decisions: list[Memory]) -> list[Memory]:
    outdated = replaced(filter(is_replaceable, decisions))

    def age(memory: Memory) -> tuple[bool, float, MemoryId]:
        holds = memory.state == "active" and memory.memory_id not in outdated
        return holds, memory.recorded_from, memory.memory_id

    beyond = _first([memory for memory in decisions if is_conditional(memory)], CONDITIONAL_LIMIT, age)
    dropped = {memory.memory_id for memory in beyond}
    for predicate, limit in DECISION_LIMITS.items():
        own = [memory for memory in decisions if memory.predicate == predicate and memory.memory_id not in dropped]
        beyond += _first(own, limit, age)
    return beyond


def _first(memories: list[Memory], limit: int, key: Callable[[Memory], Any]) -> list[Memory]:
    """Return those beyond the limit, the least by `key`."""
    return sorted(memories, key=key)[: len(memories) - limit] if len(memories) > limit else []
