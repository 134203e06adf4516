"""`quarantines`: an operator decided whether an account's choices count in what users share."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.quarantines import Quarantine
from streams.handlers.deps import Deps
from streams.log.records import RecordSource
from streams.outcomes.record_outcome import RecordOutcome
from streams.state.user_record import UserRecord


def on_quarantine(record: UserRecord, decision: Quarantine, source: RecordSource, deps: Deps) -> RecordOutcome:
    """Note the decision in the user's state; nothing else changes, and no list is due."""
    user = replace(record.user, quarantined=not decision.lifted)
    return RecordOutcome(record=replace(record, user=user, version=record.version + 1), list_due=False)
