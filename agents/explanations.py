"""Why this list, why this item: one line that names its evidence, and is true by it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct

from agents.memory.record import EVIDENCE, FOR, is_active
from schemas.ids import ItemId, MemoryId
from schemas.memories import Memory
from schemas.plans import Intent, Plan


class Reason(Struct, frozen=True):
    """A line for people, the memory that it rests on, and how many events it claims."""

    text: str
    memory_id: MemoryId
    claims: int


def explain_item(
    item: ItemId, categories: Collection[str], plan: Plan | None, memories: Collection[Memory]
) -> Reason | None:
    """Why this item: what was said or done about it, else the plan's weightiest intent that it serves.

    None if nothing that is remembered speaks for it: then nothing is claimed.

    >>> explain_item(ItemId("i1"), ("jazz",), None, ()) is None
    True
    """
    return Explainer(plan, memories).item(item, categories)


class Explainer:
    """`explain_item` for many items of one person: what is the same for all of them is worked out once.

    What it says is checked by `is_supported`; a line that the memories do not bear out is never given.
    """

    def __init__(self, plan: Plan | None, memories: Iterable[Memory]) -> None:
        held = [memory for memory in memories if is_active(memory) and memory.predicate in FOR]
        known = {memory.memory_id: memory for memory in held}
        self._items: dict[str, Reason] = {}
        for memory in sorted(held, key=lambda one: (one.source == "stated", one.strength)):
            if memory.subject == "item":
                self._items[memory.value] = _reason(memory)
        served = [
            (intent.weight * intent.confidence, intent.memory_id, intent.category)
            for intent in (plan.intents if plan else ())
            if intent.memory_id is not None and intent.memory_id in known and intent.weight > 0
        ]
        served.sort(reverse=True)
        self._intents = [(category, _reason(known[memory_id])) for _, memory_id, category in served]
        told = {*self._items.values(), *(reason for _, reason in self._intents)}
        self._supported = {reason for reason in told if is_supported(reason, (known[reason.memory_id],))}

    def item(self, item: ItemId, categories: Collection[str]) -> Reason | None:
        """Why this item, none if nothing that is remembered speaks for it."""
        reason = self._items.get(item)
        if reason is None:
            reason = next((why for category, why in self._intents if category in categories), None)
        return reason if reason in self._supported else None


def explain_list(plan: Plan | None, memories: Collection[Memory]) -> Reason | None:
    """Why this list: the plan's weightiest intent, none if it wants nothing that memories speak for.

    >>> explain_list(None, ()) is None
    True
    """
    return _by_intent(plan.intents, memories) if plan else None


def is_supported(reason: Reason, memories: Iterable[Memory]) -> bool:
    """Whether the memories bear the line out: it is exactly what the named memory says, with that much evidence.

    >>> is_supported(Reason("because everybody does", MemoryId("m1"), 1), ())
    False
    """
    return any(
        memory.memory_id == reason.memory_id and _speaks(memory) and _reason(memory) == reason for memory in memories
    )


def _speaks(memory: Memory) -> bool:
    return memory.predicate in FOR and is_active(memory)


def _by_intent(intents: Sequence[Intent], memories: Iterable[Memory]) -> Reason | None:
    """The reason behind the weightiest of these intents whose memory is still held."""
    wanted = {intent.memory_id: intent.weight * intent.confidence for intent in intents if intent.weight > 0}
    if not wanted:
        return None
    speakers = [memory for memory in memories if memory.memory_id in wanted and _speaks(memory)]
    if not speakers:
        return None
    return _reason(max(speakers, key=lambda memory: (wanted[memory.memory_id], memory.memory_id)))


def _reason(memory: Memory) -> Reason:
    claims = len(memory.evidence)
    return Reason(_text(memory, claims), memory.memory_id, claims)


def _text(memory: Memory, claims: int) -> str:
    match memory.predicate:
        case "wants-more":
            return f"because you asked for more {memory.value}"
        case "pins":
            return "because you pinned it"
        case _ if memory.subject == "item":
            return "because you liked it before"
        case _:
            many = f"{claims} or more" if claims == EVIDENCE else str(claims)
            return f"because of {many} recent {'choice' if claims == 1 else 'choices'} in {memory.value}"
