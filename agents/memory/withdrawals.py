"""What users take back: statements, all of them or the newest; and what they have forgotten, whoever said it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from agents.memory.consolidation import agrees, is_about, trait_key, trait_of
from agents.memory.operations import Learned, Memories, drop, drop_faded, finish, same_value
from agents.memory.record import NEVER, half_life, is_statement
from agents.memory.record import memory_id as memory_id_of
from schemas.ids import MemoryId
from schemas.memories import Memory


def retract(before: Memories, value: str | None, at: float, now: float) -> Learned:
    """Remove the statements up to `at` about this category, item or fact; memories that they outranked are revived. If
    none is named, those about all but needs, such as an allergy, which never fade: they go by their own name alone.

    What has faded or ended by `now` goes with them.

    >>> retract({}, "jazz", at=9.0, now=9.0).changed
    ()
    """
    statements = [
        memory
        for memory in before.values()
        if (not _is_need(memory) if value is None else same_value(memory, value))
        and is_statement(memory)
        and memory.recorded_from <= at
    ]
    memories = dict(before)
    removed = drop(memories, statements, "withdrawn")
    removed |= drop_faded(memories, memories.values(), now)
    return finish(before, memories, removed, {}, now, NEVER)


def forget(before: Memories, memory_id: MemoryId, now: float) -> Learned:
    """Remove one memory, whatever its source; memories that it outranked are revived.

    With a consolidated one goes what single events say of the same, and its parts stay, but speak for it no more: it
    comes back only from later events. With what single events say goes what was stated of the same.

    >>> forget({}, MemoryId("m1"), now=9.0).changed
    ()
    """
    memories = dict(before)
    named = memories.get(memory_id)
    meant = [memory for memory in memories.values() if memory_id in (memory.memory_id, _unstated(memory))]
    removed = drop(memories, [*meant, *(_of_same_trait(memories, named) if named else ())], "forgotten")
    if named is not None and named.parts:
        memories |= {memory.memory_id: memory for memory in _apart(memories.values(), named)}
    removed |= drop_faded(memories, memories.values(), now)
    return finish(before, memories, removed, {}, now, NEVER, anew=named is not None and bool(named.parts))


def take_back(before: Memories, at: float, now: float) -> Learned:
    """Remove the newest statement up to `at`, all that one instruction said; memories that it outranked are revived.

    >>> take_back({}, at=9.0, now=9.0).changed
    ()
    """
    stated = [m for m in before.values() if is_statement(m) and m.recorded_from <= at]
    newest = max(stated, key=lambda memory: (memory.recorded_from, memory.memory_id), default=None)
    memories = dict(before)
    said = [memory for memory in stated if newest and memory.evidence[-1] == newest.evidence[-1]]
    removed = drop(memories, said, "withdrawn")
    removed |= drop_faded(memories, memories.values(), now)
    return finish(before, memories, removed, {}, now, NEVER)


def _is_need(memory: Memory) -> bool:
    return memory.instructed and half_life(memory) >= NEVER


def _unstated(memory: Memory) -> MemoryId | None:
    """Return the id under which single events say what was stated; releases before had one memory of both."""
    if not memory.instructed:
        return None
    belief = memory.subject, memory.predicate, memory.value, memory.attribute, memory.context
    return memory_id_of(memory.user_id, *belief)


def _of_same_trait(memories: Memories, whole: Memory) -> list[Memory]:
    """Return what single events say of the very trait of a consolidated belief; nothing of another one."""
    trait = trait_of(whole)
    own = [memory for memory in memories.values() if not memory.parts and not is_statement(memory)]
    return [memory for memory in own if whole.parts and is_about(memory, trait) and agrees(memory, whole)]


def _apart(memories: Iterable[Memory], whole: Memory) -> Iterator[Memory]:
    """Yield the memories that could be parts of the consolidated belief, without its trait."""
    key = trait_key(trait_of(whole))
    for memory in memories:
        left = tuple(trait for trait in memory.traits if trait_key(trait) != key)
        if len(left) < len(memory.traits) and agrees(memory, whole):
            yield replace(memory, traits=left)
