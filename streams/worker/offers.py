"""The offer of an occasion: what of the list that was just ranked is worth an interruption."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents.explanations import Line
from agents.offers import LASTS_SECONDS
from schemas.ids import message_id
from schemas.offers import MOST_OFFERED, Occasion, Offer, Withheld, WithholdingReason
from schemas.recommendations import RankedItem
from schemas.topics import OFFERS
from streams.log.records import Message, RecordSource
from streams.state.user_record import UserRecord


def offer_message(
    occasion: Occasion,
    source: RecordSource,
    record: UserRecord,
    ranked: Sequence[tuple[RankedItem, Line]],
) -> Message:
    """Return the offer: the first items of the list that the user has not met, each with a reason that names something
    that they said, showed or chose. Where there is none, nothing is offered.
    """
    met = set(record.user.user_item_statistics).union(*(slate.items for slate in record.user.shown))
    items = tuple(item for item, line in ranked if line.is_specific and item.item_id not in met)[:MOST_OFFERED]
    now, plan = occasion.event_time, record.agent.plan
    common: dict[str, Any] = {
        "event_id": message_id(source.topic, source.partition, source.offset, "offer"),
        "user_id": occasion.user_id,
        "event_time": now,
        "occasion": occasion.event_id,
        "reason": occasion.reason,
    }
    allowed = record.agent.allowed_offers  # another record of the batch may have taken the permission back
    if allowed is None or not items:
        because: WithholdingReason = "nothing-new" if allowed else "autonomy"
        return Message(OFFERS, occasion.user_id, Withheld(**common, because=because))
    offer = Offer(
        **common,
        items=items,
        expires_at=now + LASTS_SECONDS,
        worth=round(allowed.worth(now), 4),
        plan_id=plan.plan_id if plan else None,
    )
    return Message(OFFERS, occasion.user_id, offer)
