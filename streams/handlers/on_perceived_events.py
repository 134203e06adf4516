"""`perceived-events`: what a user showed, searched for or wrote has become a vector. It draws the next lists."""

from __future__ import annotations

from msgspec.structs import replace

from features.intents import ShownIntent, with_intent
from schemas.perceived_events import PerceivedEvent
from streams.handlers.deps import Deps
from streams.log.records import RecordSource
from streams.outcomes.record_outcome import RecordOutcome
from streams.state.user_record import UserRecord


def on_perceived_event(record: UserRecord, event: PerceivedEvent, source: RecordSource, deps: Deps) -> RecordOutcome:
    """Hold the vector as one of the user's intents; a list is due if it changed them."""
    embedding = event.embedding
    new = ShownIntent(
        event.event_time, event.event_id, event.kind, event.until, embedding.encoder, embedding.vector, event.value
    )
    intents = with_intent(record.user.intents, new)
    return RecordOutcome(
        record=replace(record, user=replace(record.user, intents=intents), version=record.version + 1),
        cause=event.event_id,
        at=event.event_time,
        list_due=intents != record.user.intents,
    )
