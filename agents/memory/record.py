"""How one memory is read: how fast it fades, how far it is trusted, what it speaks for and against.

| predicate              | subject  | inferred | stated | why                                                          |
|------------------------|----------|----------|--------|--------------------------------------------------------------|
| likes                  | category |     30 d |   90 d | preferences drift over months                                |
| dislikes               | category |     14 d |   42 d | what is disliked is hardly shown, so nothing contradicts it  |
|                        |          |          |        | any more: it fades sooner, to get another try                |
| likes                  | item     |     60 d |  180 d | the item does not change, the wish for it does               |
| dislikes               | item     |    120 d |  360 d | the item does not change, and showing it again annoys        |
| wants-more, wants-less | both     |          |  120 d | said on purpose; outlives the mood that it was said in       |
| bans, pins, wants-only | both     |          |  never | a decision holds until it is lifted                          |
| limits                 | fact     |          |  never | so does a limit, such as that of a price                     |

What a user likes of an attribute fades as liked and disliked categories do, times the attribute's `VOLATILITY`: a
routine in weeks, a taste in months, an allergy that was stated never.

Strength halves every half-life of *event* time (forward decay); below `FORGOTTEN_STRENGTH` a memory is forgotten.
"""

from __future__ import annotations

from hashlib import blake2b
from math import exp2, log2
from typing import Literal

from features.decay import DAY
from schemas.ids import MemoryId, UserId
from schemas.memories import Memory, Predicate, Subject

Source = Literal["stated", "inferred"]

NEVER = 1e18
"""A half-life, or a time, that no event reaches; finite, so that it survives every encoding."""
FORGOTTEN_STRENGTH = 0.05
"""A memory weaker than this is forgotten."""
MAX_EVIDENCE = 8
"""How many event ids a memory keeps: the newest that speak for it."""
TRUST: dict[Source, float] = {"stated": 1.0, "inferred": 0.7}

FOR: frozenset[Predicate] = frozenset({"likes", "wants-more", "pins", "wants-only"})
AGAINST: frozenset[Predicate] = frozenset({"dislikes", "wants-less", "bans"})
DECISION_PREDICATES: frozenset[Predicate] = frozenset({"bans", "pins", "wants-only", "limits"})
"""What lists must obey; these never fade."""

REPLACED_PREDICATES: frozenset[Predicate] = frozenset({"wants-only", "limits"})
"""Decisions that a newer one replaces, instead of adding to it; a ban of a category replaces that of the same one."""
STATED_ONLY: frozenset[Predicate] = DECISION_PREDICATES | {"wants-more", "wants-less"}
"""What only instructions write."""

HALF_LIFE: dict[tuple[Source, Subject, Predicate], float] = {
    ("inferred", "category", "likes"): 30 * DAY,
    ("inferred", "category", "dislikes"): 14 * DAY,
    ("inferred", "item", "likes"): 60 * DAY,
    ("inferred", "item", "dislikes"): 120 * DAY,
    ("stated", "category", "likes"): 90 * DAY,
    ("stated", "category", "dislikes"): 42 * DAY,
    ("stated", "item", "likes"): 180 * DAY,
    ("stated", "item", "dislikes"): 360 * DAY,
    ("stated", "category", "wants-more"): 120 * DAY,
    ("stated", "category", "wants-less"): 120 * DAY,
}
HALF_LIFE |= {
    (source, "attribute", predicate): seconds
    for (source, subject, predicate), seconds in HALF_LIFE.items()
    if subject == "category"
}
ROUTINE, LASTING = 0.25, 2.0
VOLATILITY = (
    dict.fromkeys(("daypart", "hour", "time", "weekday", "place", "device"), ROUTINE)
    | dict.fromkeys(("artist", "author", "brand", "director", "language", "manufacturer", "publisher"), LASTING)
    | dict.fromkeys(("allergen", "allergy", "diet", "intolerance"), NEVER)
)
"""By name of an attribute in lower case, what its half-lives are multiplied by; of other attributes by 1. A need, such
as an allergy, never fades once it is stated; what is inferred of one is `LASTING`.
"""
MEMORY_RULES = 1
"""The version of the rules by which memories follow from stored evidence. Whoever changes what is consolidated, kept or
faded raises it: a user's memories then follow anew at their next event (`agents.memory.operations.resynthesise`).
"""


def memory_id(
    user: UserId,
    subject: Subject,
    predicate: Predicate,
    value: str,
    attribute: str = "",
    context: str = "",
    *,
    kind: Literal["", "consolidated", "instructed"] = "",
    condition: str = "",
) -> MemoryId:
    """Return the id of a belief: the same belief about the same user always has the same id. What is consolidated, or
    was stated by an instruction, is apart from what single events say, and what holds on a condition from what always
    does.

    >>> memory_id(UserId("u1"), "category", "likes", "jazz") == memory_id(UserId("u1"), "category", "likes", "jazz")
    True
    """
    parts = (user, subject, predicate, value, attribute, context)
    belief = "\x1f".join(
        (*(parts if subject in ("attribute", "fact") else parts[:4]), *filter(None, (kind, condition)))
    )
    return MemoryId(blake2b(belief.encode(), digest_size=12).hexdigest())


def half_life(memory: Memory) -> float:
    """Return the seconds in which the memory loses half its strength; `NEVER` if it never fades. A consolidated one
    fades as inferred beliefs about items do, whatever it is about.

    >>> from agents.memory.operations import PreferenceSignal, SignalCause, begin
    >>> from schemas.ids import EventId
    >>> nuts = PreferenceSignal("attribute", "dislikes", "nuts", 3.0, "stated", attribute="allergen")
    >>> half_life(begin(nuts, SignalCause(UserId("u"), EventId("e"), 0.0, 0.0))) == NEVER
    True
    """
    subject = "item" if memory.parts else memory.subject
    seconds = HALF_LIFE.get((memory.source, subject, memory.predicate), NEVER)
    factor = VOLATILITY.get(memory.attribute.casefold())
    if memory.parts or memory.subject != "attribute" or factor is None:
        return seconds
    if factor < NEVER:
        return seconds * factor
    return NEVER if memory.source == "stated" else seconds * LASTING


def faded(memory: Memory, now: float) -> float:
    """Return the strength that is left at `now`; a `now` before `recorded_from` reads it as recorded.

    >>> from agents.memory.operations import PreferenceSignal, SignalCause, begin
    >>> from schemas.ids import EventId
    >>> cause = SignalCause(UserId("u"), EventId("e"), 0.0, 0.0)
    >>> memory = begin(PreferenceSignal("category", "likes", "jazz", 1.0), cause)
    >>> faded(memory, now=30 * DAY)
    0.5
    """
    return memory.strength * exp2(min(0.0, memory.recorded_from - now) / half_life(memory))


def fades_at(memory: Memory) -> float:
    """Return the event time from which the memory is below `FORGOTTEN_STRENGTH`, or ends; 0 if it is already. A
    consolidated one fades with its parts.

    >>> from agents.memory.operations import PreferenceSignal, SignalCause, begin
    >>> from schemas.ids import EventId
    >>> cause = SignalCause(UserId("u"), EventId("e"), 0.0, 0.0)
    >>> memory = begin(PreferenceSignal("category", "likes", "jazz", 1.0), cause)
    >>> round(fades_at(memory) / DAY)
    130
    """
    if memory.parts:
        return NEVER
    if memory.strength <= FORGOTTEN_STRENGTH:
        return 0.0
    forgotten = memory.recorded_from + half_life(memory) * log2(memory.strength / FORGOTTEN_STRENGTH)
    return forgotten if memory.until is None else min(forgotten, memory.until)


def confidence(memory: Memory, now: float) -> float:
    """Return the confidence in the belief, in [0, 1): 1 - 2^-strength as of `now`, times trust.

    >>> from agents.memory.operations import PreferenceSignal, SignalCause, begin
    >>> from schemas.ids import EventId
    >>> cause = SignalCause(UserId("u"), EventId("e"), 0.0, 0.0)
    >>> memory = begin(PreferenceSignal("category", "likes", "jazz", 1.0), cause)
    >>> confidence(memory, now=0.0)
    0.35
    """
    return memory.trust * (1.0 - exp2(-faded(memory, now)))


def weight(memory: Memory, now: float) -> float:
    """Return what the memory weighs at `now`, whatever it is used for: the strength that is left, times trust, signed.

    >>> from agents.memory.operations import PreferenceSignal, SignalCause, begin
    >>> from schemas.ids import EventId
    >>> cause = SignalCause(UserId("u"), EventId("e"), 0.0, 0.0)
    >>> memory = begin(PreferenceSignal("category", "dislikes", "jazz", 1.0), cause)
    >>> weight(memory, now=0.0), weight(memory, now=14 * DAY)
    (-0.7, -0.35)
    """
    return signed(memory, memory.trust * faded(memory, now))


def signed(memory: Memory, size: float) -> float:
    """Return the size with the memory's sign: negative where the memory speaks against its value.

    >>> from agents.memory.operations import PreferenceSignal, SignalCause, begin
    >>> from schemas.ids import EventId
    >>> cause = SignalCause(UserId("u"), EventId("e"), 0.0, 0.0)
    >>> signed(begin(PreferenceSignal("category", "dislikes", "jazz", 1.0), cause), 0.5)
    -0.5
    """
    return -size if memory.predicate in AGAINST else size


def is_statement(memory: Memory) -> bool:
    """Return whether an instruction stated it, so that another one can take it back."""
    return memory.instructed or memory.predicate in STATED_ONLY


def is_conditional(memory: Memory) -> bool:
    """Return whether a decision has exceptions, a time of the week, or limits one category alone: then it is a rule of
    lists, and weighs for or against nothing else.
    """
    return bool(memory.exceptions or memory.when or (memory.subject == "fact" and memory.context))


def is_active(memory: Memory) -> bool:
    """Return whether the belief is held and undisputed."""
    return memory.state == "active" and memory.recorded_to is None
