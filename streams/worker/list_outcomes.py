"""Outcomes of lists that were shown, also to people who do not come back: a timer asks who is due.

A slate's outcome may be published more than once: by the timer, and by the person's own next event, with whatever was
clicked meanwhile. Equal outcomes have equal ids, and readers of the ranking log unite those of one list.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from features.list_outcome import MATURES_AFTER, matured_by, matures_at
from features.user_state import OpenSlate, UserState
from schemas.ids import UserId, message_id
from schemas.ranking_log import ListOutcome
from schemas.topics import RANKING_LOG
from streams.handlers.deps import Deps
from streams.log.records import Message
from streams.state.partition_store import PartitionStore
from streams.state.user_record import UserRecord

MOST = 500
"""How many people of a partition are visited at a time."""


class Visit(Struct, frozen=True, kw_only=True):
    """What visiting the people of one partition comes to: publish, then note who was visited, and who is due later."""

    partition: int
    messages: tuple[Message, ...]
    visited: tuple[str, ...]
    later: dict[str, float]


def outcome_message(user: UserState, slate: OpenSlate) -> Message:
    """The outcome of a slate that has matured."""
    kind = "|".join(("outcome", user.user_id, slate.list_id, *slate.clicked))
    entry = ListOutcome(
        entry_id=message_id(RANKING_LOG, 0, 0, kind),
        user_id=user.user_id,
        event_time=slate.at,
        list_id=slate.list_id,
        shown=slate.items,
        clicked=slate.clicked,
    )
    return Message(RANKING_LOG, user.user_id, entry)


def visits_of(people: Mapping[str, UserRecord]) -> dict[str, float]:
    """When each of these people is to be visited: those with open slates."""
    due = {user: matures_at(person.user) for user, person in people.items() if person.user.shown}
    return {user: at for user, at in due.items() if at is not None}


def visit(owner: PartitionStore, deps: Deps, partition: int) -> Visit | None:
    """Visit the people of a partition whose slates have matured by the stream's clock; none if nobody is due.

    Raises:
        StoreUnavailable: nothing was decided; the next visit finds the same people.
    """
    now = deps.stream_now
    users = owner.store.due(owner.scope, partition, now, MOST)
    if not users:
        return None
    people = owner.load(map(UserId, users))
    messages = [outcome_message(p.user, slate) for p in people.values() for slate in matured_by(p.user, now)]
    later = {
        user: min(slate.at for slate in person.user.shown if slate.at + MATURES_AFTER > now) + MATURES_AFTER
        for user, person in people.items()
        if any(slate.at + MATURES_AFTER > now for slate in person.user.shown)
    }
    visited = tuple(user for user in users if user not in later)
    return Visit(partition=partition, messages=tuple(messages), visited=visited, later=later)


def note(owner: PartitionStore, done: Visit) -> None:
    """Note a visit whose messages are published.

    Raises:
        StoreUnavailable: the same people are visited again.
    """
    owner.store.visit_later(owner.scope, done.partition, done.later)
    owner.store.visited(owner.scope, done.partition, done.visited)
