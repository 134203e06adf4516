"""How memories are written: extract, reinforce, weaken, settle contradictions, forget. No model is asked.

A person's memories are a dict by memory id. What is believed about one value (a category or an item) is a *group*:
whether each of its memories is active follows from the group alone, so taking one away revives what it had outranked.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import exp2, sqrt

from msgspec import Struct
from msgspec.structs import replace

from agents.memory.record import (
    AGAINST,
    DECISIONS,
    EVIDENCE,
    FOR,
    NEVER,
    SAID,
    TRUST,
    Source,
    faded,
    fades_at,
    half_life,
    memory_id,
)
from schemas.event_kinds import kind_of
from schemas.ids import EventId, MemoryId, UserId, category_key
from schemas.interactions import Interaction, ItemEvent
from schemas.memories import Memory, MemoryState, Predicate, Subject

Memories = dict[MemoryId, Memory]

LIKED_EVIDENCE = 0.3
"""From this liking on, an event speaks for the categories of its item: the weakest choice, a view."""
DISLIKED_EVIDENCE = -0.5
STRONG = 0.9
"""From this liking on (either sign) an event also says something of the item itself."""
CATEGORIES = 8
"""How many of an item's categories an event speaks about: the first, which catalogues put first for a reason."""
EVEN = 0.1
"""Two inferred opposites within this share of each other are undecided."""
CAPACITY: dict[Subject, int] = {"category": 40, "item": 24}
"""How many fading memories of each subject are held: apart, so that items never crowd out what they have in common."""
LIMITS: dict[Predicate, int] = {"bans": 256, "pins": 5}
"""How many decisions hold; they do not count against `CAPACITY`, and the oldest beyond goes."""


class PreferenceSignal(Struct, frozen=True):
    """What an event says of one value. With `weight` below zero it only weakens the belief."""

    subject: Subject
    predicate: Predicate
    value: str
    weight: float
    source: Source = "inferred"


class SignalCause(Struct, frozen=True):
    """Whose event it was, which, when it happened (`at`), and the newest event time known of the person (`now`)."""

    user_id: UserId
    event_id: EventId
    at: float
    now: float


class Learned(Struct, frozen=True):
    """The memories after a write, those to publish, the ids that became undecided, and the next time one fades."""

    memories: Memories
    changed: tuple[Memory, ...] = ()
    disputed: tuple[MemoryId, ...] = ()
    sweep_at: float = NEVER


Topic = tuple[Subject, str]
"""What a group of memories is about."""


def extract(event: Interaction, liked: float, categories: tuple[str, ...]) -> tuple[PreferenceSignal, ...]:
    """What an event teaches, given its liking (see `features.implicit_feedback`) and the categories of its item.

    n categories share one event as if each had seen 1/√n of it: between n independent opinions and one split evenly.
    A skip teaches no dislike; it weakens the liking of what was shown. An item that was not shown is never weakened.

    >>> from schemas.interactions import Click
    >>> click = Click(event_id="e", user_id="u", event_time=1e9, item_id="i")
    >>> [(signal.predicate, signal.value, signal.weight) for signal in extract(click, 0.5, ("jazz",))]
    [('likes', 'jazz', 0.5)]
    """
    evidence = kind_of(event).evidence
    if evidence == "none" or not isinstance(event, ItemEvent):
        return ()
    named = categories[:CATEGORIES]
    share = liked / sqrt(max(1, len(named)))
    if evidence == "weakens":
        return tuple(PreferenceSignal("category", "likes", name, share) for name in named)
    if DISLIKED_EVIDENCE < liked < LIKED_EVIDENCE:
        return ()
    predicate: Predicate = "likes" if liked > 0 else "dislikes"
    signals = tuple(PreferenceSignal("category", predicate, name, abs(share)) for name in named)
    if abs(liked) < STRONG:
        return signals
    return (*signals, PreferenceSignal("item", predicate, event.item_id, abs(liked), evidence))


def learn(before: Memories, signals: Iterable[PreferenceSignal], cause: SignalCause, sweep_at: float = 0.0) -> Learned:
    """The memories after these lessons: reinforced or begun, opposites weakened, contradictions settled, faded gone.

    Pure, and bounded by `CAPACITY` and `LIMITS`. An event older than a memory's `recorded_from` adds what would be
    left of its weight by then, and overwrites nothing newer. `sweep_at` is what the last write returned: until then
    nothing fades away by itself.

    >>> cause = SignalCause(UserId("u"), EventId("e"), 9.0, 9.0)
    >>> learned = learn({}, [PreferenceSignal("category", "likes", "jazz", 0.5)], cause)
    >>> [(memory.predicate, memory.value) for memory in learned.changed]
    [('likes', 'jazz')]
    """
    held = dict(before)
    touched: dict[Topic, None] = {}
    for signal in signals:
        _apply(held, signal, cause)
        touched[(signal.subject, signal.value)] = None
    crowded = len(held) > len(before)
    due = cause.now >= sweep_at
    suspects = held.values() if due else [memory for topic in touched for memory in _group(held, *topic)]
    gone = _drop(held, [memory for memory in suspects if fades_at(memory) <= cause.now])
    if crowded:
        gone |= _drop(held, _surplus(held, cause.now))
    return _finish(before, held, gone, touched, cause.now, NEVER if due else sweep_at)


def retract(before: Memories, value: str, at: float, now: float) -> Learned:
    """The memories without what was said up to `at` about this category or item; what that outranked is revived.

    >>> retract({}, "jazz", at=9.0, now=9.0).changed
    ()
    """
    said = [
        memory
        for memory in before.values()
        if same_value(memory, value) and memory.predicate in SAID and memory.recorded_from <= at
    ]
    held = dict(before)
    return _finish(before, held, _drop(held, said), {}, now, NEVER)


def weaken(memory: Memory, weight: float, at: float) -> Memory:
    """The memory with this much less strength as of `at`, never below zero; its evidence stays what speaks for it.

    >>> cause = SignalCause(UserId("u"), EventId("e"), 9.0, 9.0)
    >>> memory = begin(PreferenceSignal("category", "likes", "jazz", 0.5), cause)
    >>> weaken(memory, 0.2, at=9.0).strength
    0.3
    """
    return _add(memory, -weight, at)


def reinforce(memory: Memory, signal: PreferenceSignal, cause: SignalCause) -> Memory:
    """The memory with one more piece of evidence. Stated evidence makes it stated; inferred never undoes that.

    >>> jazz = PreferenceSignal("category", "likes", "jazz", 0.5)
    >>> memory = begin(jazz, SignalCause(UserId("u"), EventId("e1"), 9.0, 9.0))
    >>> twice = reinforce(memory, jazz, SignalCause(UserId("u"), EventId("e2"), 9.0, 9.0))
    >>> twice.strength, twice.evidence
    (1.0, ('e1', 'e2'))
    """
    late = cause.at < memory.recorded_from
    evidence = (cause.event_id, *memory.evidence) if late else (*memory.evidence, cause.event_id)
    stated: Source = "stated" if "stated" in (memory.source, signal.source) else "inferred"
    grown = _add(memory, signal.weight, cause.at)
    return replace(
        grown,
        evidence=evidence[-EVIDENCE:],
        valid_from=min(memory.valid_from, cause.at),
        source=stated,
        trust=TRUST[stated],
    )


def _add(memory: Memory, weight: float, at: float) -> Memory:
    """Forward decay: the strength is kept as of the newest event, an older one adds what is left of it by then."""
    if at >= memory.recorded_from:
        return replace(memory, strength=max(0.0, faded(memory, at) + weight), recorded_from=at)
    left = weight * exp2((at - memory.recorded_from) / half_life(memory.source, memory.subject, memory.predicate))
    return replace(memory, strength=max(0.0, memory.strength + left))


def _apply(held: Memories, signal: PreferenceSignal, cause: SignalCause) -> None:
    """Write one lesson: its own belief is reinforced or begun, inferences weaken each other.

    A statement weakens nothing: it outranks, so that what it outranked is there again when it is taken back.
    """
    belief = memory_id(cause.user_id, signal.subject, signal.predicate, signal.value)
    known = held.get(belief)
    if signal.weight < 0:
        if known is not None:
            held[belief] = weaken(known, -signal.weight, cause.at)
        return
    held[belief] = begin(signal, cause) if known is None else reinforce(known, signal, cause)
    if signal.source == "stated":
        return
    opposites = AGAINST if signal.predicate in FOR else FOR
    for memory in _group(held, signal.subject, signal.value):
        if memory.predicate in opposites and memory.source == "inferred":
            held[memory.memory_id] = weaken(memory, signal.weight, cause.at)


def begin(signal: PreferenceSignal, cause: SignalCause) -> Memory:
    """The memory that this lesson begins.

    >>> cause = SignalCause(UserId("u"), EventId("e"), 9.0, 9.0)
    >>> begin(PreferenceSignal("category", "likes", "jazz", 0.5), cause).strength
    0.5
    """
    return Memory(
        memory_id=memory_id(cause.user_id, signal.subject, signal.predicate, signal.value),
        user_id=cause.user_id,
        subject=signal.subject,
        predicate=signal.predicate,
        value=signal.value,
        strength=signal.weight,
        evidence=(cause.event_id,),
        valid_from=cause.at,
        recorded_from=cause.at,
        source=signal.source,
        trust=TRUST[signal.source],
    )


def same_value(memory: Memory, value: str) -> bool:
    """Whether the memory is about this item or category, however the category is spelled."""
    if memory.value == value:
        return True
    return memory.subject == "category" and category_key(memory.value) == category_key(value)


def _group(held: Memories, subject: Subject, value: str) -> list[Memory]:
    return [memory for memory in held.values() if memory.subject == subject and same_value(memory, value)]


def _drop(held: Memories, leaving: list[Memory]) -> Memories:
    """Take these out of `held`; they are returned by id."""
    for memory in leaving:
        del held[memory.memory_id]
    return {memory.memory_id: memory for memory in leaving}


def _surplus(held: Memories, now: float) -> list[Memory]:
    """What exceeds the bounds: the weakest inferred first, then the weakest stated; the oldest decisions."""

    def worth(memory: Memory) -> tuple[bool, float, MemoryId]:
        return memory.source == "stated", faded(memory, now), memory.memory_id

    surplus: list[Memory] = []
    for subject, capacity in CAPACITY.items():
        fading = [memory for memory in held.values() if memory.subject == subject and memory.predicate not in DECISIONS]
        if len(fading) > capacity:
            surplus += sorted(fading, key=worth)[: len(fading) - capacity]
    for predicate, limit in LIMITS.items():
        said = [memory for memory in held.values() if memory.predicate == predicate]
        said.sort(key=lambda memory: (memory.recorded_from, memory.memory_id))
        surplus += said[: max(0, len(said) - limit)]
    return surplus


def _finish(
    before: Memories, held: Memories, gone: Memories, touched: dict[Topic, None], now: float, sweep_at: float
) -> Learned:
    """Settle every group that was written or lost a memory, and tell what changed.

    `sweep_at` is when the first of the unchanged memories fades, or `NEVER` if that is to be found out.
    """
    for subject, value in touched | dict.fromkeys((memory.subject, memory.value) for memory in gone.values()):
        for memory in settle(_group(held, subject, value), now):
            held[memory.memory_id] = memory
    changed = [memory for known, memory in held.items() if before.get(known) is not memory]
    disputed = tuple(memory.memory_id for memory in changed if _is_newly_disputed(memory, before))
    ended = [replace(memory, recorded_to=now) for known, memory in gone.items() if known in before]
    fading = held.values() if sweep_at >= NEVER else changed
    first = min((fades_at(memory) for memory in fading), default=NEVER)
    return Learned(held, (*changed, *ended), disputed, min(first, sweep_at))


def _is_newly_disputed(memory: Memory, before: Memories) -> bool:
    known = before.get(memory.memory_id)
    return memory.state == "unresolved" and (known is None or known.state != "unresolved")


def settle(group: list[Memory], now: float) -> list[Memory]:
    """The group with its contradiction settled: only one side stays active, or none while they are even.

    Stated outranks inferred; of two statements the newer holds, of two at the same instant the cautious one; of two
    inferences the stronger as of `now`, and within `EVEN` of each other both are unresolved.

    >>> cause = SignalCause(UserId("u"), EventId("e"), 9.0, 9.0)
    >>> likes = begin(PreferenceSignal("category", "likes", "jazz", 0.5), cause)
    >>> dislikes = begin(PreferenceSignal("category", "dislikes", "jazz", 1.0), cause)
    >>> [memory.state for memory in settle([likes, dislikes], now=9.0)]
    ['stale', 'active']
    """
    pro = [memory for memory in group if memory.predicate in FOR]
    con = [memory for memory in group if memory.predicate in AGAINST]
    if not pro or not con:
        return [_put(memory, "active", now) for memory in group]
    lead = _lead(pro, con, now)
    if lead == 0:
        return [_put(memory, "unresolved", now) for memory in group]
    winners = FOR if lead > 0 else AGAINST
    return [_put(memory, "active" if memory.predicate in winners else "stale", now) for memory in group]


def _lead(pro: list[Memory], con: list[Memory], now: float) -> float:
    """Above zero: what speaks for it holds; below: what speaks against; zero: even."""
    said_pro, said_con = _last_said(pro), _last_said(con)
    if said_pro is not None or said_con is not None:
        return 1.0 if said_con is None or (said_pro is not None and said_pro > said_con) else -1.0
    left, right = (sum(faded(memory, now) for memory in side) for side in (pro, con))
    return left - right if abs(left - right) > EVEN * max(left, right) else 0.0


def _last_said(side: list[Memory]) -> float | None:
    return max((memory.recorded_from for memory in side if memory.source == "stated"), default=None)


def _put(memory: Memory, state: MemoryState, now: float) -> Memory:
    if memory.state == state:
        return memory
    return replace(memory, state=state, valid_to=now if state == "stale" else None)
