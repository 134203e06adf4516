"""Outcomes of lists that were shown, also to users who stay away: a timer visits the users whose slates have matured.

A slate's outcome may be published more than once: by the timer, and by the user's own next event, with the clicks in
between. Equal outcomes have equal ids, and readers of the ranking log merge those of one list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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

VISIT_LIMIT = 500
"""How many users of a partition are visited at a time."""


class Visit(Struct, frozen=True, kw_only=True):
    """A visit to users of one partition: messages to publish, then users who were visited or are due `later`."""

    partition: int
    messages: tuple[Message, ...]
    visited: tuple[str, ...]
    later: dict[str, float]


def outcome_messages(user: UserState, matured: Iterable[OpenSlate]) -> tuple[Message, ...]:
    """Return the ranking-log entries of the user's matured slates; none of an account in quarantine."""
    return () if user.quarantined else tuple([_outcome_message(user, slate) for slate in matured])


def _outcome_message(user: UserState, slate: OpenSlate) -> Message:
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


def matured_outcomes(user: UserState, now: float) -> tuple[Message, ...]:
    """Return the ranking-log entries of the slates that have matured by this event time."""
    return outcome_messages(user, matured_by(user, now))


def matures_next(user: UserState, now: float) -> float | None:
    """Return when the next slate matures after this event time, none if none is open then."""
    return min((slate.at + MATURES_AFTER for slate in user.shown if slate.at + MATURES_AFTER > now), default=None)


def visits_of(records: Mapping[str, UserRecord]) -> dict[str, float]:
    """Return when each user with open slates is due for a visit (event time)."""
    due = {user: matures_at(record.user) for user, record in records.items() if record.user.shown}
    return {user: at for user, at in due.items() if at is not None}


def visit(owner: PartitionStore, deps: Deps, partition: int) -> Visit | None:
    """Visit the users of a partition whose slates have matured by the stream's clock; none if no user is due.

    Raises:
        StoreUnavailable: nothing is changed; the next visit finds the same users.
    """
    now = deps.stream_now
    users = owner.store.due(owner.scope, partition, now, VISIT_LIMIT)
    if not users:
        return None
    records = owner.load(map(UserId, users))
    messages = [message for record in records.values() for message in matured_outcomes(record.user, now)]
    next_at = {user: matures_next(record.user, now) for user, record in records.items()}
    later = {user: at for user, at in next_at.items() if at is not None}
    visited = tuple(user for user in users if user not in later)
    return Visit(partition=partition, messages=tuple(messages), visited=visited, later=later)


def note(owner: PartitionStore, completed: Visit) -> None:
    """Store that a visit is completed: its messages are published.

    Raises:
        StoreUnavailable: the same users are visited again.
    """
    owner.store.visit_later(owner.scope, completed.partition, completed.later)
    owner.store.visited(owner.scope, completed.partition, completed.visited)
