"""Reasons for the items of a list: a line that names its evidence and is true by it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec import Struct

from agents.memory.record import FOR, MAX_EVIDENCE, is_active
from agents.preferences import intent_weight
from schemas.ids import ItemId, MemoryId
from schemas.memories import Memory
from schemas.plans import Plan


class Reason(Struct, frozen=True):
    """A line that users read, the memory that it rests on, and how many events it claims."""

    text: str
    memory_id: MemoryId
    claims: int


class Explainer:
    """Explains the items of one user's lists; what all items share is worked out once.

    Every line is checked by `is_supported`: a line that the memories do not bear out is never returned.

    >>> Explainer(None, ()).item(ItemId("i1"), ("jazz",)) is None
    True
    """

    def __init__(self, plan: Plan | None, memories: Iterable[Memory]) -> None:
        speaking = {memory.memory_id: memory for memory in memories if _speaks(memory)}
        self._items: dict[str, Reason] = {}
        for memory in sorted(speaking.values(), key=lambda memory: (memory.source == "stated", memory.strength)):
            if memory.subject == "item":
                self._items[memory.value] = _reason(memory)
        served = [
            (intent_weight(intent), intent.memory_id, intent.category)
            for intent in (plan.intents if plan else ())
            if intent.memory_id is not None and intent.memory_id in speaking and intent_weight(intent) > 0
        ]
        served.sort(reverse=True)
        self._intents = [(category, _reason(speaking[memory_id])) for _, memory_id, category in served]
        reasons = {*self._items.values(), *(reason for _, reason in self._intents)}
        self._supported = {reason for reason in reasons if is_supported(reason, (speaking[reason.memory_id],))}

    def item(self, item: ItemId, categories: Collection[str]) -> Reason | None:
        """Return why this item is in a list: a memory of the item itself, else the weightiest intent that it serves.

        None if no memory speaks for it: then nothing is claimed.
        """
        reason = self._items.get(item)
        if reason is None:
            reason = next((why for category, why in self._intents if category in categories), None)
        return reason if reason in self._supported else None


def is_supported(reason: Reason, memories: Iterable[Memory]) -> bool:
    """Return whether the memories bear the line out: it says what the memory says, with that much evidence.

    >>> is_supported(Reason("because everybody does", MemoryId("m1"), 1), ())
    False
    """
    return any(
        memory.memory_id == reason.memory_id and _speaks(memory) and _reason(memory) == reason for memory in memories
    )


def _speaks(memory: Memory) -> bool:
    return memory.predicate in FOR and is_active(memory)


def _reason(memory: Memory) -> Reason:
    claims = len(memory.evidence)
    return Reason(_text(memory, claims), memory.memory_id, claims)


def _text(memory: Memory, claims: int) -> str:
    match memory.predicate:
        case "wants-more":
            return f"because you asked for more {memory.value}"
        case "wants-only":
            return f"because you asked for {memory.value} alone"
        case "pins":
            return "because you pinned it"
        case _ if memory.subject == "item":
            return "because you liked it before"
        case _:
            count = f"{claims} or more" if claims == MAX_EVIDENCE else str(claims)
            return f"because of {count} recent {'choice' if claims == 1 else 'choices'} in {memory.value}"
