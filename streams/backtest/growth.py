"""Growth: how large the state of one user is after many events, and what an event costs then.

A made-up user acts on a made-up catalogue, far larger than what is remembered, so that every bound is met.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from time import process_time

from msgspec import Struct

from agents.agent_state import apply_event, apply_instruction
from features.user_state import fold, note
from schemas.ids import EventId, ItemId, UserId
from schemas.instructions import BanCategory, Instruction, LessOf, MoreOf, Remember, Undo
from schemas.interactions import Click, Dislike, Hide, Like, Purchase, Skip, View
from streams.state.user_record import UserRecord, new_user, pack

GROWTH_USER = UserId("one")
GROWTH_START = 1_600_000_000.0
SECONDS_APART = 60.0
GROWTH_ITEMS, GROWTH_CATEGORIES, GROWTH_BRANDS = 20_000, 60, 400
SAID_SHARE = 0.01
"""The share of events that are instructions."""
GROWTH_KINDS: tuple[type[View | Click | Like | Purchase | Skip | Dislike | Hide], ...] = (
    *(View,) * 10,
    *(Click,) * 6,
    *(Skip,) * 2,
    *(Like, Purchase, Dislike, Hide),
)
"""What the user does to items, each as probable."""


class GrowthPoint(Struct, frozen=True, kw_only=True):
    """The stored record of the user after so many events: its `bytes`, of those the agent's, and how many memories
    there are. `milliseconds` of processor time an event are since the point before.
    """

    events: int
    bytes: int
    agent_bytes: int
    memories: int
    consolidated: int
    milliseconds: float


def grow(events: int, points: int = 10, seed: int = 0) -> Iterator[GrowthPoint]:
    """Yield the state at `points` equal distances, the last one after all events; the seed draws what the user does."""
    rng, record, done = Random(seed), new_user(GROWTH_USER), 0
    for point in range(1, points + 1):
        upto = events * point // points
        began = process_time()
        for number in range(done, upto):
            record = _applied(record, number, rng)
        spent = process_time() - began
        yield _measured(record, upto, 1_000.0 * spent / max(1, upto - done))
        done = upto


def _measured(record: UserRecord, events: int, milliseconds: float) -> GrowthPoint:
    memories = (*record.agent.memories, *record.agent.dormant)
    size = len(pack(record))
    return GrowthPoint(
        events=events,
        bytes=size,
        agent_bytes=size - len(pack(UserRecord(user=record.user))),
        memories=len(memories),
        consolidated=sum(bool(memory.parts) for memory in memories),
        milliseconds=round(milliseconds, 4),
    )


def _applied(record: UserRecord, number: int, rng: Random) -> UserRecord:
    """Return the record after the next event, as a worker's handlers make it, without lists."""
    happened = _instruction(number, rng) if rng.random() < SAID_SHARE else _interaction(number, rng)
    name = happened.event_id
    if isinstance(happened, Instruction):
        user = note(record.user, name, happened.event_time)
        step = apply_instruction(record.agent, record.user, user, happened, event_source_id=name)
    else:
        user, at = fold(record.user, happened), int(happened.item_id)
        categories = tuple(f"category {at * step % GROWTH_CATEGORIES}" for step in (1, 7))
        attributes = (("brand", f"brand {at % GROWTH_BRANDS}"), ("colour", f"colour {at % 12}"))
        step = apply_event(record.agent, record.user, user, happened, categories, attributes, event_source_id=name)
    return UserRecord(user=user, agent=step.agent, version=record.version + 1)


def _interaction(number: int, rng: Random) -> View | Click | Like | Purchase | Skip | Dislike | Hide:
    """Return something done to an item; small numbers are more popular, as in catalogues."""
    item = ItemId(str(int(GROWTH_ITEMS * rng.random() ** 3)))
    return rng.choice(GROWTH_KINDS)(event_id=_id(number), user_id=GROWTH_USER, event_time=_time(number), item_id=item)


def _instruction(number: int, rng: Random) -> Instruction:
    name, event_id, at = f"category {rng.randrange(GROWTH_CATEGORIES)}", _id(number), _time(number)
    match rng.randrange(5):
        case 0:
            return BanCategory(
                event_id=event_id, user_id=GROWTH_USER, event_time=at, category=name, until=at + 86_400.0
            )
        case 1:
            return MoreOf(event_id=event_id, user_id=GROWTH_USER, event_time=at, category=name)
        case 2:
            return LessOf(event_id=event_id, user_id=GROWTH_USER, event_time=at, category=name)
        case 3:
            return Remember(event_id=event_id, user_id=GROWTH_USER, event_time=at, predicate="likes", value=name)
        case _:
            return Undo(event_id=event_id, user_id=GROWTH_USER, event_time=at)


def _id(number: int) -> EventId:
    return EventId(f"event-{number:09}")


def _time(number: int) -> float:
    return GROWTH_START + SECONDS_APART * number
