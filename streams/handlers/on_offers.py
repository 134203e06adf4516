"""`offers`: an offer was made. Its user's agent takes note of what may be taken up now, and of its budget."""

from __future__ import annotations

from msgspec.structs import replace

from agents.offers import noted
from schemas.offers import Offer, OfferDecision
from streams.handlers.deps import Deps
from streams.log.records import RecordSource
from streams.outcomes.record_outcome import RecordOutcome
from streams.state.user_record import UserRecord


def on_offer(record: UserRecord, decision: OfferDecision, source: RecordSource, deps: Deps) -> RecordOutcome:
    """Note an offer; nothing follows from one that was withheld, and of users who have no state nothing is stored.

    What is offered depends on a ranking, and states do not: so the offer comes back as an event of its own.
    """
    del source, deps
    if record.is_new:
        return RecordOutcome(record=record, list_due=False)
    agent = record.agent
    if isinstance(decision, Offer) and agent.offers is not None:
        agent = replace(agent, offers=noted(agent.offers, decision))
    return RecordOutcome(record=replace(record, agent=agent, version=record.version + 1), list_due=False)
