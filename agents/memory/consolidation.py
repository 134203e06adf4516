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

from agents.memory.record import AGAINST, DECISION_PREDICATES, FOR, MAX_EVIDENCE, TRUST, faded, is_active, memory_id
from schemas.ids import EventId, MemoryId, category_key
from schemas.memories import MOST_PARTS, Memory, Predicate, Subject, Trait

JOINT_VALUES = 3
"""How many different values have to agree: two may do so by chance."""
MOST_CONSOLIDATED = 16
"""How many consolidated beliefs a user has: those with the most parts."""

Opinion = tuple[Trait, bool]
"""A trait, and whether it is liked."""


def consolidated(memories: Iterable[Memory]) -> dict[MemoryId, Memory]:
    """Return the consolidated beliefs that follow from a user's other memories, by id.

    None follows where another belief about the trait itself contradicts it, or is in doubt.

    >>> consolidated(())
    {}
    """
    known = [memory for memory in memories if not memory.parts]
    opinions: defaultdict[Opinion, list[Memory]] = defaultdict(list)
    for memory in known:
        if memory.traits and memory.predicate not in DECISION_PREDICATES and is_active(memory):
            for trait in memory.traits:
                opinions[trait, memory.predicate in FOR].append(memory)
    several = {opinion: parts for opinion, parts in opinions.items() if len(parts) >= JOINT_VALUES}
    joint = {opinion: parts for opinion, parts in several.items() if len(set(map(_value, parts))) >= JOINT_VALUES}
    if not joint:
        return {}
    direct = _direct(known, {_key(trait) for trait, _ in joint})
    found = [
        _belief(opinion, parts, direct[_key(opinion[0])])
        for opinion, parts in joint.items()
        if not _is_contested(opinion, direct[_key(opinion[0])])
    ]
    found.sort(key=lambda memory: (-len(memory.parts), memory.memory_id))
    return {memory.memory_id: memory for memory in found[:MOST_CONSOLIDATED]}


def concern_traits(beliefs: Iterable[Memory], memories: Iterable[Memory]) -> Iterator[bool]:
    """Yield of each belief about a category or an attribute whether it is about a trait of one of the memories."""
    known = {_key(trait) for memory in memories for trait in memory.traits}
    yield from (not belief.context and _key(_own(belief)) in known for belief in beliefs)


def trait_of(memory: Memory) -> Trait:
    """Return the trait that a consolidated belief is about."""
    return memory.attribute, memory.value


def agrees(memory: Memory, whole: Memory) -> bool:
    """Return whether the memory speaks for, or against, what the consolidated belief does."""
    return (memory.predicate in FOR) == (whole.predicate in FOR) and memory.predicate in FOR | AGAINST


def is_about(memory: Memory, trait: Trait) -> bool:
    """Return whether the memory is about the trait itself, in every context."""
    return memory.subject in ("category", "attribute") and not memory.context and _key(_own(memory)) == _key(trait)


def _own(memory: Memory) -> Trait:
    return memory.attribute, memory.value


def _key(trait: Trait) -> Trait:
    """Return the trait however its category is spelled."""
    attribute, value = trait
    return trait if attribute else ("", category_key(value))


def _value(memory: Memory) -> tuple[Subject, str, str]:
    return memory.subject, memory.value, memory.context


def _direct(known: Iterable[Memory], keys: Collection[Trait]) -> Mapping[Trait, list[Memory]]:
    """Return the memories about these traits themselves."""
    found: defaultdict[Trait, list[Memory]] = defaultdict(list)
    for memory in known:
        if memory.subject in ("category", "attribute") and not memory.context:
            key = _key(_own(memory))
            if key in keys:
                found[key].append(memory)
    return found


def _is_contested(opinion: Opinion, direct: Iterable[Memory]) -> bool:
    """Return whether a direct belief about the trait is believed and opposes the opinion, or agrees and is not."""
    _, liked = opinion
    return any(is_active(memory) != ((memory.predicate in FOR) == liked) for memory in direct)


def _belief(opinion: Opinion, parts: list[Memory], direct: list[Memory]) -> Memory:
    """Return the consolidated belief as of its newest part. What single events say of the trait itself is named as a
    part too, and is not counted: it rests on the events of the others.
    """
    (attribute, value), liked = opinion
    subject: Subject = "attribute" if attribute else "category"
    predicate: Predicate = "likes" if liked else "dislikes"
    at = max(part.recorded_from for part in parts)
    own = [memory for memory in direct if not memory.instructed and memory.predicate == predicate]
    ordered = sorted(parts, key=lambda part: (-faded(part, at), part.memory_id))
    user = parts[0].user_id
    return Memory(
        memory_id=memory_id(user, subject, predicate, value, attribute, kind="consolidated"),
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
