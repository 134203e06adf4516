"""What is remembered about a user: the `memories` topic, keyed by user and memory. Milvus is its projection."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from schemas.bounds import ID_LENGTH, Amount, DecayedCount
from schemas.ids import EventKey, MemoryId, MemoryKey, Time, UserId, UserKey
from schemas.instructions import Exceptions, RecurringTime
from schemas.record import Record

Predicate = Literal["likes", "dislikes", "wants-more", "wants-less", "bans", "pins", "wants-only", "limits"]
Subject = Literal["category", "item", "attribute", "fact"]
MemoryState = Literal["active", "stale", "unresolved"]
MemoryEnd = Literal["faded", "over", "crowded-out", "withdrawn", "forgotten", "parts-gone"]
"""Why a memory ended: it faded at its own half-life; its `until` has passed; it was beyond the bounds of a user's
state; the user took it back, or had it forgotten; too few of its parts are believed any more, or its trait is
contested."""
Trait = tuple[Annotated[str, Meta(max_length=ID_LENGTH)], Annotated[str, Meta(max_length=ID_LENGTH)]]
"""An attribute and its value; the attribute of a category is the empty one."""
MOST_TRAITS = 8
MOST_PARTS = 16


class Memory(Record, frozen=True, kw_only=True):
    """One belief: this user *predicate* the *subject* named *value*, as strongly as the evidence supports it.

    A value of an attribute says of which `attribute` (such as brand), and in which `context` if it holds in one alone
    (such as a kind of product). A belief is in doubt from `doubted_from` on: others like it turned out to have changed.
    A limit of a fact has the value `at-least` or `at-most`, names the fact as its `attribute`, and its `bound`, and as
    its `context` the category that it binds alone, if any. `exceptions` are what a ban, or a wish for a category alone,
    leaves out, and `when` is the time of the week at which it alone holds.
    `strength` is as of `recorded_from`; it fades from there at the predicate's own half-life.
    `valid_*` is when it was true of the user, `recorded_*` when it was believed (both in event time). `until` is when a
    statement ends that was made for a time. `ended_as` says why a memory has ended that has a `recorded_to`.

    `traits` are what the belief says beyond its value: what its item is, or the value itself without the context. Of
    beliefs that agree in a trait a *consolidated* one follows: its `parts` are the ids of the strongest of them.
    `instructed` beliefs were stated by an instruction, which `undo` takes back.
    """

    memory_id: MemoryKey
    user_id: UserKey
    subject: Subject
    predicate: Predicate
    value: Annotated[str, Meta(max_length=ID_LENGTH)]
    attribute: Annotated[str, Meta(max_length=ID_LENGTH)] = ""
    context: Annotated[str, Meta(max_length=ID_LENGTH)] = ""
    strength: DecayedCount
    evidence: Annotated[tuple[EventKey, ...], Meta(max_length=64)]
    valid_from: Time
    valid_to: Time | None = None
    recorded_from: Time
    recorded_to: Time | None = None
    source: Literal["stated", "inferred"]
    trust: Annotated[float, Meta(ge=0, le=1)] = 1.0
    state: MemoryState = "active"
    until: Time | None = None
    doubted_from: Time | None = None
    bound: Amount | None = None
    exceptions: Exceptions = ()
    when: RecurringTime | None = None
    traits: Annotated[tuple[Trait, ...], Meta(max_length=MOST_TRAITS)] = ()
    parts: Annotated[tuple[MemoryKey, ...], Meta(max_length=MOST_PARTS)] = ()
    instructed: bool = False
    ended_as: MemoryEnd | None = None


def memory_key(user: UserId, memory: MemoryId) -> str:
    """Return the record key on `memories`; the user alone decides the partition, see `schemas.topics`.

    >>> memory_key(UserId("u1"), MemoryId("m1"))
    'u1/m1'
    """
    return f"{user}/{memory}"


def named_by(key: str) -> tuple[UserId, MemoryId] | None:
    """Return the user and the memory that a record key on `memories` names, none if it names no memory.

    >>> named_by("a/b/m1"), named_by("m1")
    (('a/b', 'm1'), None)
    """
    user, _, memory = key.rpartition("/")
    return (UserId(user), MemoryId(memory)) if user and memory else None
