"""Changes of preference: when users contradict what is believed of an attribute, what else is believed comes in doubt.

A *facet* is an attribute in a context, such as the door of microwave ovens. Two contradicting observations in a facet
put what is believed of its other values in doubt at once, where decay would take months; a statement counts as two.
In doubt comes what was not confirmed since the change began. Doubt spreads where changes occur together: from a facet
to its context, and from two contexts to all beliefs that hold in a context. A user who speaks of a change puts all
beliefs about attributes in doubt.

Nothing is deleted: what is in doubt is not recalled, is found as `unresolved` or `stale`, and one confirmation revives
it with all its strength. What never fades, such as a stated allergy, is never in doubt.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from msgspec.structs import replace

from agents.memory.record import FOR, NEVER, half_life
from features.decay import DAY
from schemas.ids import MemoryId
from schemas.memories import Memory, Subject

CONTRADICTIONS = 2
"""How many contradicting observations in a facet make a change."""
ONE_CHANGE = 30 * DAY
"""Changes within this much event time are parts of one."""
CHANGED_CONTEXTS = 2
"""How many contexts change together before everything that holds in a context is in doubt."""

Facet = tuple[str, str]
"""An attribute and its context."""


def doubted(
    before: Mapping[MemoryId, Memory],
    memories: Mapping[MemoryId, Memory],
    written: Collection[tuple[Subject, str, str, str]],
    at: float,
    *,
    announced: bool = False,
) -> list[Memory]:
    """Return the beliefs that come in doubt at `at` by what was `written`: subjects, values, attributes and contexts.

    `before` and `memories` are the user's, before and after the write; `announced` says that the user spoke of a
    change, which puts all in doubt.
    """
    if all(topic[0] != "attribute" for topic in written):
        return []
    own = [memory for memory in memories.values() if memory.subject == "attribute" and not memory.parts]
    facets = {topic[2:] for topic in written if topic[0] == "attribute"} if announced else _disputed(own, written)
    found: dict[MemoryId, Memory] = {}
    for facet in sorted(facets):
        inside = [memory for memory in own if _facet(memory) == facet]
        against = list(_contradictions(before, inside, at))
        scope = own if announced else _scope(own, inside, against, facet, at)
        found |= _doubts(scope, against, at)
    return list(found.values())


def _disputed(own: list[Memory], written: Collection[tuple[Subject, str, str, str]]) -> set[Facet]:
    """Return the facets of the written values for and against which there are memories: others cannot change now."""
    sides: dict[tuple[Subject, str, str, str], set[bool]] = {}
    for memory in own:
        topic = memory.subject, memory.value, memory.attribute, memory.context
        if topic in written:
            sides.setdefault(topic, set()).add(memory.predicate in FOR)
    return {topic[2:] for topic, found in sides.items() if len(found) > 1}


def changed_at(memories: Iterable[Memory], context: str) -> float | None:
    """Return when the newest change began that leaves beliefs of this context in doubt, if there is any.

    >>> changed_at((), "dishwasher") is None
    True
    """
    return max((m.doubted_from for m in memories if m.context == context and m.doubted_from is not None), default=None)


def _facet(memory: Memory) -> Facet:
    return memory.attribute, memory.context


def _contradictions(
    before: Mapping[MemoryId, Memory], inside: Collection[Memory], at: float
) -> Iterable[tuple[Memory, Memory]]:
    """Yield each belief that was active with each newer memory of the same value that speaks against it, and did so
    within one change: what was said against it long ago, and did not prevail, says nothing of a change now.
    """
    for belief in inside:
        earlier = before.get(belief.memory_id)
        is_believed = earlier is not None and earlier.state == "active" and belief.doubted_from is None
        if earlier is None or not is_believed or earlier.recorded_from > at:
            continue
        for memory in inside:
            opposes = memory.value == belief.value and (memory.predicate in FOR) != (belief.predicate in FOR)
            is_new = memory.recorded_from >= max(earlier.recorded_from, at - ONE_CHANGE)
            if opposes and is_new and memory.doubted_from is None:
                yield belief, memory


def _observations(memory: Memory) -> int:
    """Return how often the user spoke against a belief, by the memory that does; saying it once is enough."""
    return CONTRADICTIONS if memory.source == "stated" else len(memory.evidence)


def _scope(
    own: list[Memory], inside: list[Memory], against: list[tuple[Memory, Memory]], facet: Facet, at: float
) -> list[Memory]:
    """Return how far doubt spreads: nowhere, through the facet, its context, or all that holds in a context."""
    contradicting = {memory.memory_id: memory for _, memory in against}
    if sum(map(_observations, contradicting.values())) < CONTRADICTIONS:
        return []
    _, context = facet
    if not context:
        return inside
    changed = {memory.context for memory in own if memory.context and _in_one_change(memory, at)} | {context}
    together = len(changed) >= CHANGED_CONTEXTS
    return [memory for memory in own if (memory.context if together else memory.context == context)]


def _doubts(scope: list[Memory], against: list[tuple[Memory, Memory]], at: float) -> dict[MemoryId, Memory]:
    """Return what comes in doubt: what was contradicted, and what in scope was not confirmed since the change began."""
    began = min([at, *(m.doubted_from for m in scope if m.doubted_from is not None and _in_one_change(m, at))])
    contradicted = {belief.memory_id for belief, _ in against} if scope else set()
    contradicting = {memory.memory_id for _, memory in against}
    return {
        memory.memory_id: replace(memory, doubted_from=began)
        for memory in scope
        if memory.doubted_from is None and memory.memory_id not in contradicting and half_life(memory) < NEVER
        if memory.recorded_from < began or memory.memory_id in contradicted
    }


def _in_one_change(memory: Memory, at: float) -> bool:
    return memory.doubted_from is not None and abs(at - memory.doubted_from) <= ONE_CHANGE
