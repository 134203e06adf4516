"""Visits to users who stay away: a timer publishes what is due to them, without an event of theirs.

Slates that have matured have an outcome, and users at autonomy 3 an occasion for an offer.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from agents.offers import LEAST_SECONDS, next_occasion
from features.list_outcome import MATURES_AFTER, matured_by, matures_at
from schemas.ids import EventId, UserId, message_id
from schemas.offers import Occasion
from schemas.topics import OCCASIONS
from streams.handlers.deps import Deps
from streams.log.records import Message
from streams.state.partition_store import PartitionStore
from streams.state.user_record import UserRecord
from streams.worker.list_outcomes import outcome_messages

VISIT_LIMIT = 500
"""How many users of a partition are visited at a time."""


class Visit(Struct, frozen=True, kw_only=True):
    """A visit to users of one partition: messages to publish, then users who were visited or are due `later`."""

    partition: int
    messages: tuple[Message, ...]
    visited: tuple[str, ...]
    later: dict[str, float]


def visits_of(records: Mapping[str, UserRecord]) -> dict[str, float]:
    """Return when each user is due for a visit (event time), of those who are."""
    due = {user: _next_visit(record, matures_at(record.user)) for user, record in records.items()}
    return {user: at for user, at in due.items() if at is not None}


def visit(owner: PartitionStore, deps: Deps, partition: int) -> Visit | None:
    """Visit the users of a partition who are due by the stream's clock; none if no user is.

    Raises:
        StoreUnavailable: nothing is changed; the next visit finds the same users.
    """
    now = deps.stream_now
    users = owner.store.due(owner.scope, partition, now, VISIT_LIMIT)
    if not users:
        return None
    records = owner.load(map(UserId, users))
    messages: list[Message] = []
    later: dict[str, float] = {}
    for user, record in records.items():
        due, next_visit = visit_user(record, now)
        messages += due
        if next_visit is not None:
            later[user] = next_visit
    visited = tuple(user for user in users if user not in later)
    return Visit(partition=partition, messages=tuple(messages), visited=visited, later=later)


def visit_user(record: UserRecord, now: float) -> tuple[tuple[Message, ...], float | None]:
    """Return what is due to a user at this event time, and when they are to be visited next, if at all."""
    outcomes = outcome_messages(record.user, matured_by(record.user, now))
    if (occasion := _occasion(record, now)) is not None:
        message = Message(OCCASIONS, record.user.user_id, occasion)
        return (*outcomes, message), now + LEAST_SECONDS  # the occasion's own batch knows better
    return outcomes, _next_visit(record, _maturing_after(record, now))


def note(owner: PartitionStore, completed: Visit) -> None:
    """Store that a visit is completed: its messages are published.

    Raises:
        StoreUnavailable: the same users are visited again.
    """
    owner.store.visit_later(owner.scope, completed.partition, completed.later)
    owner.store.visited(owner.scope, completed.partition, completed.visited)


def _maturing_after(record: UserRecord, now: float) -> float | None:
    return min((at for slate in record.user.shown if (at := slate.at + MATURES_AFTER) > now), default=None)


def _next_visit(record: UserRecord, maturing: float | None) -> float | None:
    times = [at for at in (maturing, _occasion_at(record)) if at is not None]
    return min(times, default=None)


def _occasion_at(record: UserRecord) -> float | None:
    allowed = record.agent.allowed_offers
    return next_occasion(allowed, record.user) if allowed is not None else None


def _occasion(record: UserRecord, now: float) -> Occasion | None:
    """Return the occasion that is due to a user; repeated before its decision is stored, it has the same id."""
    due, user = _occasion_at(record), record.user.user_id
    if due is None or due > now:
        return None
    event_id = message_id(OCCASIONS, 0, 0, f"{user}|{due}")
    return Occasion(event_id=EventId(event_id), user_id=user, event_time=now, reason="away")
