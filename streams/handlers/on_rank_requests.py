"""`rank-requests`: somebody is about to be shown a list. Rank it as of now; nothing is learned about the person."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.recommendations import RankRequest
from streams.handlers.deps import Deps
from streams.log.records import Source
from streams.outcomes.record_outcome import RecordOutcome
from streams.state.user_record import UserRecord


def on_rank_request(person: UserRecord, request: RankRequest, source: Source, deps: Deps) -> RecordOutcome:
    """A new list for a person who is known; strangers are served the default list."""
    del source
    if person.is_new:
        return RecordOutcome(person=person, list_due=False)
    at = min(request.event_time, deps.stream_now)
    person = replace(person, version=person.version + 1)
    return RecordOutcome(person=person, cause=request.event_id, at=at, locale=request.context.locale)
