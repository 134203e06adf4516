"""`occasions`: a user's agent may make an offer. It decides whether to; what is offered follows from the ranking."""

from __future__ import annotations

from msgspec.structs import replace

from agents.offers import Considered, consider
from schemas.ids import EventId, message_id
from schemas.offers import Occasion, Withheld
from schemas.topics import OFFERS
from streams.handlers.deps import Deps
from streams.log.records import Message, RecordSource
from streams.outcomes.record_outcome import RecordOutcome
from streams.state.user_record import UserRecord


def on_occasion(record: UserRecord, occasion: Occasion, source: RecordSource, deps: Deps) -> RecordOutcome:
    """Decide whether to make an offer: if so a list is due, and the offer is taken from it; else say why not.

    Of users who have no state nothing is stored.
    """
    del deps
    considered = _considered(record, occasion.event_time)
    agent = replace(record.agent, offers=considered.offers)
    after = record if record.is_new else replace(record, agent=agent, version=record.version + 1)
    if considered.because is None:
        return RecordOutcome(record=after, cause=occasion.event_id, at=occasion.event_time, occasion=occasion)
    withheld = Withheld(
        event_id=EventId(message_id(source.topic, source.partition, source.offset, "offer")),
        user_id=occasion.user_id,
        event_time=occasion.event_time,
        occasion=occasion.event_id,
        reason=occasion.reason,
        because=considered.because,
        until=considered.until,
    )
    return RecordOutcome(record=after, messages=(Message(OFFERS, occasion.user_id, withheld),), list_due=False)


def _considered(record: UserRecord, now: float) -> Considered:
    allowed = record.agent.allowed_offers
    if allowed is None or record.user.quarantined:
        return Considered(record.agent.offers, "autonomy")
    return consider(allowed, now)
