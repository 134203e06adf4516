"""Consolidation: where several beliefs agree in a trait, one belief about the trait follows, with joint evidence.

Three liked films of one director, each remembered by one event, say together that the user likes the director; so do a
colour that is liked in three kinds of products. The belief that follows names them as its parts, and they stay as they
are. It follows from the other memories alone, not from when or in which order they were written: so it is the same
after a rebuild or a redelivery, ends when too few parts are believed any more, and is there again once they are.

It stands for nothing else: plans, rankings and features read its parts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from agents.memory.record import (
    AGAINST,
    DECISION_PREDICATES,
    FOR,
    MAX_EVIDENCE,
    REPLACED_PREDICATES,
    TRUST,
    faded,
    is_active,
    memory_id,
)
from agents.memory.settling import is_replaceable, replaced
from schemas.ids import EventId, MemoryId, category_key
from schemas.memories import MOST_PARTS, Memory, Predicate, Subject, Trait

JOINT_VALUES = 3
"""How many different values have to agree: two may do so by chance."""
MOST_CONSOLIDATED = 16
"""How many consolidated beliefs a user has: those with the most parts."""

Opinion = tuple[Trait, bool]
"""A trait by its key, and whether it is liked."""


def consolidated(memories: Iterable[Memory]) -> dict[MemoryId, Memory]:
    """Return the consolidated beliefs of a user that follow from their other memories, by id.

    >>> consolidated(())
    {}
    """
    return {memory.memory_id: memory for memory in following(memories)[:MOST_CONSOLIDATED]}


def following(memories: Iterable[Memory]) -> list[Memory]:
    """Return what follows from the other memories, those with the most parts first, beyond `MOST_CONSOLIDATED` too.

    None follows where another belief about the trait itself contradicts it, or is in doubt, nor where as many values
    say the opposite.
    """
    known = [memory for memory in memories if not memory.parts]
    opinions: defaultdict[Opinion, dict[MemoryId, Memory]] = defaultdict(dict)
    for memory in known:
        if memory.traits and memory.predicate not in DECISION_PREDICATES and is_active(memory):
            for trait in memory.traits:
                opinions[trait_key(trait), memory.predicate in FOR][memory.memory_id] = memory
    several = {opinion: list(parts.values()) for opinion, parts in opinions.items() if len(parts) >= JOINT_VALUES}
    joint = {opinion: parts for opinion, parts in several.items() if len(set(map(_value, parts))) >= JOINT_VALUES}
    if not joint:
        return []
    direct = _direct(known, {trait for trait, _ in joint})
    found = [
        _belief((trait, liked), parts, direct[trait])
        for (trait, liked), parts in joint.items()
        if (trait, not liked) not in joint and not _is_contested(liked, direct[trait])
    ]
    return sorted(found, key=lambda memory: (-len(memory.parts), memory.memory_id))


def concern_traits(beliefs: Iterable[Memory], memories: Iterable[Memory]) -> Iterator[bool]:
    """Yield of each belief about a category or an attribute whether it is about a trait of one of the memories."""
    known = {trait_key(trait) for memory in memories for trait in memory.traits}
    yield from (not belief.context and trait_key(_own(belief)) in known for belief in beliefs)


def trait_of(memory: Memory) -> Trait:
    """Return the trait that a consolidated belief is about."""
    return memory.attribute, memory.value


def agrees(memory: Memory, whole: Memory) -> bool:
    """Return whether the memory speaks for, or against, what the consolidated belief does."""
    return (memory.predicate in FOR) == (whole.predicate in FOR) and memory.predicate in FOR | AGAINST


def is_about(memory: Memory, trait: Trait) -> bool:
    """Return whether the memory is about the trait itself, in every context."""
    if memory.subject not in ("category", "attribute") or memory.context:
        return False
    return trait_key(_own(memory)) == trait_key(trait)


def _own(memory: Memory) -> Trait:
    return memory.attribute, memory.value


def trait_key(trait: Trait) -> Trait:
    """Return the trait however its category is spelled."""
    attribute, value = trait
    return trait if attribute else ("", category_key(value))


def _value(memory: Memory) -> tuple[Subject, str, str]:
    return memory.subject, memory.value, memory.context


def _direct(known: Collection[Memory], keys: Collection[Trait]) -> Mapping[Trait, list[Memory]]:
    """Return the memories about these traits themselves, but statements that another one has replaced, or that
    hold at some times alone.
    """
    found: defaultdict[Trait, list[Memory]] = defaultdict(list)
    older_bans = replaced(memory for memory in known if memory.predicate == "bans" and is_replaceable(memory))
    for memory in known:
        outdated = memory.predicate in REPLACED_PREDICATES and not is_active(memory)
        outdated = outdated or memory.memory_id in older_bans or memory.when is not None
        if memory.subject in ("category", "attribute") and not memory.context and not outdated:
            key = trait_key(_own(memory))
            if key in keys:
                found[key].append(memory)
    return found


def _is_contested(liked: bool, direct: Iterable[Memory]) -> bool:
    """Return whether a direct belief about a trait is believed and opposes that it is liked, or agrees and is not."""
    return any(is_active(memory) != ((memory.predicate in FOR) == liked) for memory in direct)


def _belief(opinion: Opinion, parts: list[Memory], direct: list[Memory]) -> Memory:
    """Return the consolidated belief as of its newest part, spelled as its strongest part spells the trait.

    What single events say of the trait itself is named as a part too, and is not counted: it rests on the events of the
    others.
    """
    key, liked = opinion
    predicate: Predicate = "likes" if liked else "dislikes"
    at = max(part.recorded_from for part in parts)
    own = [memory for memory in direct if not memory.instructed and memory.predicate == predicate]
    own.sort(key=lambda memory: memory.memory_id)
    ordered = sorted(parts, key=lambda part: (-faded(part, at), part.memory_id))
    attribute, value = next(trait for trait in ordered[0].traits if trait_key(trait) == key)
    subject: Subject = "attribute" if attribute else "category"
    user = parts[0].user_id
    return Memory(
        memory_id=memory_id(user, subject, predicate, key[1], attribute, kind="consolidated"),
        user_id=user,
        subject=subject,
        predicate=predicate,
        value=value,
        attribute=attribute,
        strength=_joint_strength(ordered, at),
        evidence=_joint_evidence(parts),
        valid_from=min(part.valid_from for part in parts),
        recorded_from=at,
        source="inferred",
        trust=TRUST["inferred"],
        parts=tuple(part.memory_id for part in (*own, *ordered))[:MOST_PARTS],
    )


def _joint_strength(parts: list[Memory], at: float) -> float:
    """Return the strength of the parts as of `at`: of each the share that no stronger part's events account for."""
    strength, counted = 0.0, set[EventId]()
    for part in parts:
        own = set(part.evidence)
        strength += faded(part, at) * len(own - counted) / max(1, len(own))
        counted |= own
    return strength


def _joint_evidence(parts: list[Memory]) -> tuple[EventId, ...]:
    """Return the newest events of the parts, each once."""
    in_order = sorted(parts, key=lambda part: (part.recorded_from, part.memory_id))
    newest = dict.fromkeys(event for part in reversed(in_order) for event in reversed(part.evidence))
    return tuple(reversed(list(newest)[:MAX_EVIDENCE]))
