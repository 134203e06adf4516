"""Outcomes of lists that were shown: what was chosen of each, once a slate has matured.

A slate's outcome may be published more than once: by a visit (`streams.worker.visits`), and by the user's own next
event, with the clicks in between. Equal outcomes have equal ids, and readers of the ranking log merge those of one
list.
"""

from __future__ import annotations

from collections.abc import Iterable

from features.user_state import OpenSlate, UserState
from schemas.ids import message_id
from schemas.ranking_log import ListOutcome
from schemas.topics import RANKING_LOG
from streams.log.records import Message


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
