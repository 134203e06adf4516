"""Reasons for the items of a list: a line that names its evidence and is true by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Literal

from msgspec import Struct

from agents.memory.record import FOR, MAX_EVIDENCE, is_active, is_statement
from agents.preferences import intent_weight
from features.item_rules import NamedAttributes, is_of
from schemas.ids import ItemId, MemoryId, category_key
from schemas.instructions import Excepted
from schemas.memories import Memory
from schemas.plans import Plan

MOST_ALIKE = 2
"""How often a list repeats a line while it could say something else."""


class Reason(Struct, frozen=True):
    """A line that users read, the memory that it rests on, and how many events it claims."""

    text: str
    memory_id: MemoryId
    claims: int
    is_stated: bool = False
    is_of_item: bool = False


class Slot(Struct, frozen=True):
    """An item of a list to be explained: `reason` is what its candidate source says, which may name a cause: an item
    that their state says the user chose. It `answers_user` if they have just shown or asked for something like it: then
    it is the line. So it is where the item `is_step` of a goal that the user pursues. `attributes` are needed where
    statements have exceptions.
    """

    item_id: ItemId
    categories: Collection[str]
    reason: str
    names_cause: bool = False
    answers_user: bool = False
    attributes: NamedAttributes = ()
    is_step: bool = False


LineKind = Literal["memory", "cause", "goal", "answer", "generic"]
"""What a line rests on: a memory, an item that the user chose, or a goal that they set, and it was checked against it;
what the user has just shown or asked for; or nothing of this user."""


class Line(Struct, frozen=True):
    """What a list says of an item. A specific line names something that this user said, showed or chose."""

    text: str
    kind: LineKind

    @property
    def is_specific(self) -> bool:
        """Return whether the line could not stand in everybody's list."""
        return self.kind != "generic"


CHECKED_KINDS: frozenset[LineKind] = frozenset({"memory", "cause", "goal"})
"""Lines that were checked before they are published: against the memory, the choice, or the goal that they name."""


class Explainer:
    """Explains the items of one user's lists; what all items share is worked out once.

    Every line is checked by `is_supported`: a line that the memories do not bear out is never returned.

    >>> Explainer(None, ()).item(ItemId("i1"), ("jazz",)) is None
    True
    """

    def __init__(self, plan: Plan | None, memories: Iterable[Memory]) -> None:
        memories = tuple(memories)
        speaking = {memory.memory_id: memory for memory in memories if _speaks(memory)}
        self._excepting = [memory for memory in memories if _excepts(memory)]
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
        return next(iter(self.reasons(item, categories)), None)

    def reasons(self, item: ItemId, categories: Collection[str]) -> tuple[Reason, ...]:
        """Return everything that speaks for this item, in the order of `item`."""
        own = self._items.get(item)
        found = [*([own] if own else []), *(why for category, why in self._intents if category in categories)]
        return tuple(reason for reason in found if reason in self._supported)

    def exceptions(self, slot: Slot) -> Iterator[Reason]:
        """Yield the exceptions that let this item into the list, whatever else it is in the list for."""
        keys = frozenset(map(category_key, slot.categories)) if self._excepting else frozenset[str]()
        for memory in self._excepting:
            if (category_key(memory.value) in keys) == (memory.predicate == "bans"):
                yield from (
                    _exception_reason(memory, excepted)
                    for excepted in memory.exceptions
                    if is_of(excepted, slot.item_id, keys, slot.attributes)
                )

    def lines(self, slots: Sequence[Slot]) -> tuple[Line, ...]:
        """Return one line per slot of a list, varied: no line more than `MOST_ALIKE` times while there is another.

        What is stated, and what is remembered of the item itself, comes first; then an item of the user's that led to
        this one; then the intents that it serves; at last what else its source says.
        """
        used: Counter[str] = Counter()
        lines: list[Line] = []
        for slot in slots:
            options = self._options(slot)
            fresh = [line for line in options if used[line.text] < MOST_ALIKE]
            line = fresh[0] if fresh else min(options, key=lambda line: used[line.text])
            used[line.text] += 1
            lines.append(line)
        return tuple(lines)

    def _options(self, slot: Slot) -> list[Line]:
        if slot.answers_user or slot.is_step:
            return [Line(slot.reason, "goal" if slot.is_step else "answer")]
        reasons = (*self.exceptions(slot), *self.reasons(slot.item_id, slot.categories))
        first = [reason for reason in reasons if reason.is_stated or reason.is_of_item]
        source = Line(slot.reason, "cause" if slot.names_cause else "generic")
        options = [Line(reason.text, "memory") for reason in first]
        options += [source] if slot.names_cause else []
        options += [Line(reason.text, "memory") for reason in reasons if reason not in first]
        return options if slot.names_cause else [*options, source]


def is_supported(reason: Reason, memories: Iterable[Memory]) -> bool:
    """Return whether the memories bear the line out: it says what the memory says, with that much evidence.

    >>> is_supported(Reason("because everybody does", MemoryId("m1"), 1), ())
    False
    """
    return any(memory.memory_id == reason.memory_id and reason in _reasons(memory) for memory in memories)


def _excepts(memory: Memory) -> bool:
    """Return whether exceptions explain what is in a list: those of a statement that always holds."""
    return bool(memory.exceptions) and memory.when is None and is_active(memory)


def _speaks(memory: Memory) -> bool:
    return memory.predicate in FOR and is_active(memory)


def _reasons(memory: Memory) -> list[Reason]:
    """Return the reasons that a memory bears out."""
    speaking = [_reason(memory)] if _speaks(memory) else []
    excepting = memory.exceptions if _excepts(memory) else ()
    return [*speaking, *(_exception_reason(memory, excepted) for excepted in excepting)]


def _exception_reason(memory: Memory, excepted: Excepted) -> Reason:
    name = "it" if excepted.subject == "item" else excepted.value
    said = "no" if memory.predicate == "bans" else "only"
    text = f"because you excepted {name} from “{said} {memory.value}”"
    return Reason(text, memory.memory_id, len(memory.evidence), is_stated=True)


def _reason(memory: Memory) -> Reason:
    claims = len(memory.evidence)
    return Reason(_text(memory, claims), memory.memory_id, claims, is_statement(memory), memory.subject == "item")


def _text(memory: Memory, claims: int) -> str:
    match memory.predicate:
        case "wants-more":
            return f"because you asked for more {memory.value}"
        case "wants-only":
            return f"because you asked for {memory.value} alone"
        case "pins":
            return "because you pinned it"
        case _ if memory.instructed:
            return f"because you said that you like {'it' if memory.subject == 'item' else memory.value}"
        case _ if memory.subject == "item":
            return "because you liked it before"
        case _:
            if claims == MAX_EVIDENCE:
                return f"because you often choose {memory.value}"
            return f"because of {claims} recent {'choice' if claims == 1 else 'choices'} in {memory.value}"
