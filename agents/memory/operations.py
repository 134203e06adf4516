"""How memories are written: extract, reinforce, weaken, settle contradictions, consolidate, forget, resynthesise.

No model is involved. A user's memories are a dict by memory id. The memories about one value (a category, an item, a
value of an attribute) are a *group*: whether each of them is active follows from the group alone, so removing a memory
revives those that it had outranked. Beliefs about attributes can come in doubt together, see `agents.memory.changes`;
consolidated ones are in no group, they follow from the others (`agents.memory.consolidation`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from math import exp2
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from agents.memory.changes import doubted
from agents.memory.consolidation import MOST_CONSOLIDATED, concern_traits, following
from agents.memory.forgetting import surplus
from agents.memory.record import (
    AGAINST,
    DECISION_PREDICATES,
    FOR,
    MAX_EVIDENCE,
    NEVER,
    TRUST,
    Source,
    faded,
    fades_at,
    half_life,
    memory_id,
)
from agents.memory.settling import is_replaceable, put_state, replaced, settle, time_key
from schemas.ids import EventId, MemoryId, UserId, category_key
from schemas.instructions import Excepted, RecurringTime
from schemas.memories import Memory, MemoryEnd, MemoryState, Predicate, Subject, Trait

Memories = dict[MemoryId, Memory]


class PreferenceSignal(Struct, frozen=True):
    """What an event says about one value. A `weight` below zero only weakens the belief.

    Signals about the value of an attribute name the attribute, and the context if they hold in one alone. `announced`
    says that in the user's own words preferences have changed. `until` is the event time at which a statement ends,
    `bound` that of a limit, `exceptions` are what it leaves out, in the order of `excepted_key`, and `when` is the time
    of the week at which it holds. `instructed` signals are those of instructions, `traits` are what the item is.
    """

    subject: Subject
    predicate: Predicate
    value: str
    weight: float
    source: Source = "inferred"
    attribute: str = ""
    context: str = ""
    announced: bool = False
    until: float | None = None
    bound: float | None = None
    exceptions: tuple[Excepted, ...] = ()
    when: RecurringTime | None = None
    instructed: bool = False
    traits: tuple[Trait, ...] = ()


class SignalCause(Struct, frozen=True):
    """The user and id of the event, when it happened (`at`), and the user's newest event time (`now`)."""

    user_id: UserId
    event_id: EventId
    at: float
    now: float


class Learned(Struct, frozen=True):
    """The memories after a write, those to publish, the ids that became disputed, and when the next memory fades."""

    memories: Memories
    changed: tuple[Memory, ...] = ()
    disputed: tuple[MemoryId, ...] = ()
    sweep_at: float = NEVER


Topic = tuple[Subject, str, str, str]
"""The subject, value, attribute and context of a group of memories."""


def learn(before: Memories, signals: Iterable[PreferenceSignal], cause: SignalCause, sweep_at: float = 0.0) -> Learned:
    """Apply signals: reinforce or begin memories, weaken opposites, settle contradictions, drop what has faded.

    Pure, and bounded by `agents.memory.forgetting`. An event older than a memory's `recorded_from` adds
    what would be left of its weight by then, and overwrites nothing newer. `sweep_at` is what the last write returned:
    until then no memory fades away by itself.

    >>> cause = SignalCause(UserId("u"), EventId("e"), 9.0, 9.0)
    >>> learned = learn({}, [PreferenceSignal("category", "likes", "jazz", 0.5)], cause)
    >>> [(memory.predicate, memory.value) for memory in learned.changed]
    [('likes', 'jazz')]
    """
    memories = dict(before)
    written: dict[Topic, None] = {}
    announced = False
    for signal in signals:
        _apply(memories, signal, cause)
        written[_topic(signal)] = None
        announced = announced or signal.announced
    for memory in doubted(before, memories, written, cause.at, announced=announced):
        memories[memory.memory_id] = memory
        written[_topic(memory)] = None
    crowded = len(memories) > len(before)
    due = cause.now >= sweep_at
    suspects = memories.values() if due else [memory for topic in written for memory in _group(memories, topic)]
    removed = drop_faded(memories, suspects, cause.now)
    if crowded:
        removed |= drop(memories, surplus(memories.values(), cause.now), "crowded-out")
    return finish(before, memories, removed, written, cause.now, NEVER if due else sweep_at)


def resynthesise(before: Memories, now: float) -> Learned:
    """Return the memories as they follow from stored evidence by the rules of now: without what has faded or is beyond
    the bounds, without doubts about what never fades, and consolidated anew.

    Memories that already follow the rules stay as they are.

    >>> resynthesise({}, now=9.0).changed
    ()
    """
    memories = {
        name: replace(memory, doubted_from=None)
        if memory.doubted_from is not None and half_life(memory) >= NEVER
        else memory
        for name, memory in before.items()
    }
    removed = drop_faded(memories, memories.values(), now)
    removed |= drop(memories, surplus(memories.values(), now), "crowded-out")
    return finish(before, memories, removed, {}, now, NEVER, anew=True)


def weaken(memory: Memory, weight: float, at: float) -> Memory:
    """Return the memory with this much less strength as of `at`, at least zero; its evidence stays.

    >>> cause = SignalCause(UserId("u"), EventId("e"), 9.0, 9.0)
    >>> memory = begin(PreferenceSignal("category", "likes", "jazz", 0.5), cause)
    >>> weaken(memory, 0.2, at=9.0).strength
    0.3
    """
    return _add(memory, -weight, at)


def reinforce(memory: Memory, signal: PreferenceSignal, cause: SignalCause) -> Memory:
    """Return the memory with one more piece of evidence. Stated evidence makes it stated; inferred never undoes that.
    Evidence from after a doubt ends the doubt.

    The newest statement says when the memory ends.

    >>> jazz = PreferenceSignal("category", "likes", "jazz", 0.5)
    >>> memory = begin(jazz, SignalCause(UserId("u"), EventId("e1"), 9.0, 9.0))
    >>> twice = reinforce(memory, jazz, SignalCause(UserId("u"), EventId("e2"), 9.0, 9.0))
    >>> twice.strength, twice.evidence
    (1.0, ('e1', 'e2'))
    """
    late = cause.at < memory.recorded_from
    evidence = (cause.event_id, *memory.evidence) if late else (*memory.evidence, cause.event_id)
    stated: Source = "stated" if "stated" in (memory.source, signal.source) else "inferred"
    strengthened = _add(memory, signal.weight, cause.at)
    confirmed = memory.doubted_from is not None and cause.at > memory.doubted_from
    return replace(
        strengthened,
        evidence=evidence[-MAX_EVIDENCE:],
        valid_from=min(memory.valid_from, cause.at),
        source=stated,
        trust=TRUST[stated],
        until=memory.until if late or signal.source == "inferred" else signal.until,
        traits=memory.traits if late or not signal.traits else signal.traits,
        doubted_from=None if confirmed else memory.doubted_from,
    )


def _add(memory: Memory, weight: float, at: float) -> Memory:
    """Add weight by forward decay: strength is as of the newest event, an older event adds what is left by then."""
    if at >= memory.recorded_from:
        return replace(memory, strength=max(0.0, faded(memory, at) + weight), recorded_from=at)
    left = weight * exp2((at - memory.recorded_from) / half_life(memory))
    return replace(memory, strength=max(0.0, memory.strength + left))


def _apply(memories: Memories, signal: PreferenceSignal, cause: SignalCause) -> None:
    """Apply one signal to `memories` in place: reinforce or begin its belief, weaken opposite inferences.

    A statement weakens nothing: it outranks, so that what it outranked is revived when it is retracted.
    """
    belief = _belief(signal, cause)
    current = memories.get(belief)
    if signal.weight < 0:
        if current is not None:
            memories[belief] = weaken(current, -signal.weight, cause.at)
        return
    memories[belief] = begin(signal, cause) if current is None else reinforce(current, signal, cause)
    if signal.source == "stated":
        return
    opposites = AGAINST if signal.predicate in FOR else FOR
    for memory in _group(memories, _topic(signal)):
        if memory.predicate in opposites and memory.source == "inferred":
            memories[memory.memory_id] = weaken(memory, signal.weight, cause.at)


def begin(signal: PreferenceSignal, cause: SignalCause) -> Memory:
    """Return the memory that this signal begins.

    >>> cause = SignalCause(UserId("u"), EventId("e"), 9.0, 9.0)
    >>> begin(PreferenceSignal("category", "likes", "jazz", 0.5), cause).strength
    0.5
    """
    return Memory(
        memory_id=_belief(signal, cause),
        user_id=cause.user_id,
        subject=signal.subject,
        predicate=signal.predicate,
        value=signal.value,
        attribute=signal.attribute,
        context=signal.context,
        strength=signal.weight,
        evidence=(cause.event_id,),
        valid_from=cause.at,
        recorded_from=cause.at,
        source=signal.source,
        trust=TRUST[signal.source],
        until=signal.until,
        bound=signal.bound,
        exceptions=signal.exceptions,
        when=signal.when,
        instructed=signal.instructed,
        traits=signal.traits or _traits(signal),
    )


def _traits(signal: PreferenceSignal) -> tuple[Trait, ...]:
    has_trait = signal.context and signal.subject != "fact"
    return ((signal.attribute, signal.value),) if has_trait else ()


def same_value(memory: Memory, value: str) -> bool:
    """Return whether the memory is about this item, fact or category, however the category is spelled."""
    if (memory.attribute if memory.subject == "fact" else memory.value) == value:
        return True
    category = {"category": memory.value, "fact": memory.context}.get(memory.subject, "")
    return bool(category) and category_key(category) == category_key(value)


def _belief(signal: PreferenceSignal, cause: SignalCause) -> MemoryId:
    context = signal.context if signal.bound is None else repr(signal.bound)
    belief = signal.subject, signal.predicate, signal.value, signal.attribute, context
    kind: Literal["", "instructed"] = "instructed" if signal.instructed else ""
    limited = [signal.context] if signal.bound is not None and signal.context else []
    condition = "\x1e".join([*limited, *map(excepted_key, signal.exceptions), *filter(None, [time_key(signal.when)])])
    return memory_id(cause.user_id, *belief, kind=kind, condition=condition)


def excepted_key(excepted: Excepted) -> str:
    """Return what tells exceptions apart, and orders them.

    >>> excepted_key(Excepted(subject="item", value="i1"))
    'item\\x1f\\x1fi1'
    """
    return "\x1f".join((excepted.subject, excepted.attribute, excepted.value))


def _topic(about: PreferenceSignal | Memory) -> Topic:
    return about.subject, about.value, about.attribute, _where(about)


def _where(about: PreferenceSignal | Memory) -> str:
    """Return in which context or at what time it holds: what holds sometimes contradicts nothing that always does."""
    return about.context if about.when is None else f"{about.context}\x1f{time_key(about.when)}"


def _group(memories: Memories, topic: Topic) -> list[Memory]:
    subject, value, attribute, context = topic
    if subject == "category":
        key = category_key(value)
        named = [memory for memory in memories.values() if memory.subject == subject and not memory.parts]
        own = [memory for memory in named if memory.value == value or category_key(memory.value) == key]
        return [memory for memory in own if _where(memory) == context]
    return [
        memory
        for memory in memories.values()
        if memory.value == value
        and memory.subject == subject
        and memory.attribute == attribute
        and _where(memory) == context
        and not memory.parts
    ]


def drop(memories: Memories, removed: Iterable[Memory], ended_as: MemoryEnd) -> Memories:
    """Remove these from `memories` in place; return them by id, each with why it ended."""
    dropped = {memory.memory_id: replace(memory, ended_as=ended_as) for memory in removed}
    for name in dropped:
        del memories[name]
    return dropped


def drop_faded(memories: Memories, suspects: Collection[Memory], now: float) -> Memories:
    """Remove those of `suspects` in place that have faded or ended by `now`; return them as `drop` does."""
    due = [memory for memory in suspects if fades_at(memory) <= now]
    over = {memory.memory_id for memory in due if memory.until is not None and memory.until <= now}
    dropped = drop(memories, [memory for memory in due if memory.memory_id in over], "over")
    return dropped | drop(memories, [memory for memory in due if memory.memory_id not in over], "faded")


def finish(
    before: Memories,
    memories: Memories,
    removed: Memories,
    written: dict[Topic, None],
    now: float,
    sweep_at: float,
    *,
    anew: bool = False,
) -> Learned:
    """Settle every group that was written or lost a memory, consolidate, and return what changed.

    `sweep_at` is when the first of the unchanged memories fades, or `NEVER` if that has to be computed. Beliefs are
    consolidated where some that could be parts have changed, or `anew`.
    """
    _settle_groups(before, memories, removed, written, now)
    changed = [memory for name, memory in memories.items() if before.get(name) is not memory]
    if anew or _concerns_parts(before, memories, changed, removed):
        removed = removed | _consolidate(memories)
        changed = [memory for name, memory in memories.items() if before.get(name) is not memory]
    disputed = tuple(memory.memory_id for memory in changed if _is_newly_disputed(memory, before))
    ended = [replace(memory, recorded_to=now) for name, memory in removed.items() if name in before]
    fading = memories.values() if sweep_at >= NEVER else changed
    first = min((fades_at(memory) for memory in fading), default=NEVER)
    return Learned(memories, (*changed, *ended), disputed, min(first, sweep_at))


def _settle_groups(
    before: Memories, memories: Memories, removed: Memories, written: dict[Topic, None], now: float
) -> None:
    """Settle in place every group that was written or lost a memory."""
    topics = written | dict.fromkeys(map(_topic, removed.values()))
    stated = [memory for memory in memories.values() if memory.predicate in DECISION_PREDICATES]
    replaceable = [memory for memory in stated if is_replaceable(memory)]
    outdated = replaced(replaceable)
    is_restated = any(before.get(memory.memory_id) is not memory for memory in replaceable)
    if is_restated or any(map(is_replaceable, removed.values())):
        topics |= dict.fromkeys(map(_topic, replaceable))
    for topic in topics:
        group = _group(memories, topic)
        older = [put_state(memory, "stale", now) for memory in group if memory.memory_id in outdated]
        for memory in (*older, *settle([memory for memory in group if memory.memory_id not in outdated], now)):
            memories[memory.memory_id] = memory


def _consolidate(memories: Memories) -> Memories:
    """Put the consolidated beliefs in place that follow from the others; return those that have ended."""
    every = following(memories.values())
    wholes = {memory.memory_id: memory for memory in every[:MOST_CONSOLIDATED]}
    beyond = {memory.memory_id for memory in every[MOST_CONSOLIDATED:]}
    left = [memory for memory in memories.values() if memory.parts and memory.memory_id not in wholes]
    ended = drop(memories, [memory for memory in left if memory.memory_id in beyond], "crowded-out")
    ended |= drop(memories, [memory for memory in left if memory.memory_id not in beyond], "parts-gone")
    memories |= {name: whole for name, whole in wholes.items() if memories.get(name) != whole}
    return ended


def _concerns_parts(before: Memories, memories: Memories, changed: list[Memory], removed: Memories) -> bool:
    """Return whether one with traits has changed or ended, or what is believed of a trait itself begins, ends, or
    changes sides.
    """
    if any(memory.traits for memory in (*changed, *removed.values())):
        return True
    sides = [memory for memory in changed if _state_of(before.get(memory.memory_id)) != memory.state]
    beliefs = [memory for memory in (*sides, *removed.values()) if memory.subject in ("category", "attribute")]
    return bool(beliefs) and any(concern_traits(beliefs, memories.values()))


def _state_of(memory: Memory | None) -> MemoryState | None:
    return None if memory is None else memory.state


def _is_newly_disputed(memory: Memory, before: Memories) -> bool:
    """Return whether a contradiction is new; a doubt is none, and plans have no part in attributes."""
    current = before.get(memory.memory_id)
    is_new = current is None or current.state != "unresolved"
    return is_new and memory.state == "unresolved" and memory.subject != "attribute"
