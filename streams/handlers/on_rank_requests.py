"""`rank-requests`: a list is about to be shown. It is ranked as of now; the state of the user does not change."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.recommendations import RankRequest
from streams.handlers.deps import Deps
from streams.log.records import RecordSource
from streams.outcomes.record_outcome import RecordOutcome
from streams.state.user_record import UserRecord


def on_rank_request(record: UserRecord, request: RankRequest, source: RecordSource, deps: Deps) -> RecordOutcome:
    """Ask for a new list of a known user; unknown users are served the non-personalised list."""
    del source
    if record.is_unknown:
        return RecordOutcome(record=record, list_due=False)
    at = min(request.event_time, deps.stream_now)
    record = replace(record, version=record.version + 1)
    return RecordOutcome(record=record, cause=request.event_id, at=at, request=request)
