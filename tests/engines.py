"""Recorded events for every engine: choices, slates, statements and erasures, some late, twice, misrouted or poison.

They come in phases, each of one topic: the order of topics is no engine's promise.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from schemas.codec import encode
from schemas.erasures import Erasure
from schemas.ids import EventId, UserId
from schemas.instructions import BanCategory, Instruction, MoreOf, SetGoal
from schemas.interactions import Interaction
from schemas.items import Item
from schemas.quarantines import Quarantine
from schemas.topics import ERASURES, INSTRUCTIONS, INTERACTIONS, QUARANTINES
from tests.builders import START, click, impression, item, rating, skip

CATEGORIES = ("war", "comedy", "drama", "crime", "music", "space")
ITEMS_EACH = 20
POISON = (b"{", b"\xff\xfe", b"[]", b'{"type":"click"}', b'{"type":"unknown","user_id":"u1"}')


class Sent(NamedTuple):
    """A record as an application sends it."""

    topic: str
    key: str
    value: bytes


def catalogue() -> list[Item]:
    return [item(f"{name}-{number}", name) for name in CATEGORIES for number in range(ITEMS_EACH)]


def recorded_phases(count: int, *, seed: int = 3) -> list[list[Sent]]:
    """Return so many records in five phases. Every twentieth event is late, every tenth sent twice, every hundredth is
    poison. Users whose name begins with ``m`` are known by misrouted records alone.
    """
    rng = random.Random(seed)
    users = [f"u{number}" for number in range(max(20, count // 50))]
    half = int(count * 0.48)
    return [
        _interactions(half, users, 0, rng),
        [Sent(INSTRUCTIONS, user, encode(_statement(user, number, rng))) for number, user in enumerate(users[::3])],
        [Sent(ERASURES, user, encode(_erasure(user, 30.0 * half))) for user in users[1::20]],
        _interactions(half, users, half, rng),
        [Sent(QUARANTINES, user, encode(_quarantine(user))) for user in users[::20]],
    ]


def _interactions(count: int, users: Sequence[str], begin: int, rng: random.Random) -> list[Sent]:
    records: list[Sent] = []
    while len(records) < count:
        number = begin + len(records)
        late = 4 * 3_600.0 * rng.random() if rng.random() < 0.05 else 0.0
        event = _event(rng.choice(users), START + 30.0 * number - late, number, rng)
        chance = rng.random()
        if chance < 0.01:
            records.append(Sent(INTERACTIONS, event.user_id, rng.choice(POISON)))
        elif chance < 0.02:
            strange: Any = _event(f"m{number % 10}", event.event_time, number, rng)
            records.append(Sent(INTERACTIONS, "wrong-key", encode(strange)))
        else:
            records += [Sent(INTERACTIONS, event.user_id, encode(event))] * (2 if chance < 0.12 else 1)
    return records[:count]


def _event(user: str, at: float, number: int, rng: random.Random) -> Interaction:
    name = f"{rng.choice(CATEGORIES[number % 2 :: 2])}-{min(int(rng.expovariate(0.2)), ITEMS_EACH - 1)}"
    since = at - START
    made: list[Any] = [
        click(user, name, since),
        rating(user, name, float(rng.randrange(1, 6)), since),
        skip(user, name, since),
        impression(user, tuple(f"war-{index}" for index in range(4)), f"list-{number}", since),
    ]
    event: Interaction = rng.choices(made, (6, 2, 1, 1))[0]
    return _named(event, f"e{number}")


def _named(event: Any, name: str) -> Any:
    return replace(event, event_id=EventId(name))


def _statement(user: str, number: int, rng: random.Random) -> Instruction:
    kind = rng.choice((BanCategory, MoreOf, SetGoal))
    at, category = START + 30.0 * number, rng.choice(CATEGORIES)
    who = {"event_id": EventId(f"s{number}"), "user_id": UserId(user), "event_time": at}
    return SetGoal(**who, name="two", category=category, count=2) if kind is SetGoal else kind(**who, category=category)


def _erasure(user: str, at: float) -> Erasure:
    """Return an erasure as of then: late events of the phase after it are refused."""
    return Erasure(event_id=EventId(f"x-{user}"), user_id=UserId(user), event_time=START + at)


def _quarantine(user: str) -> Quarantine:
    return Quarantine(event_id=EventId(f"q-{user}"), user_id=UserId(user), event_time=START + 1e6)
