"""Offers: what an agent recommends unasked, at autonomy 3. Topics `occasions` and `offers`, keyed by user."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from schemas.bounds import Label
from schemas.ids import EventKey, PlanId, Time, UserKey
from schemas.recommendations import RankedItem
from schemas.record import Record

MOST_OFFERED = 3
"""How many items an offer has at most."""
WithholdingReason = Literal[
    "autonomy", "too-soon", "quiet-hours", "budget", "unanswered", "not-worth-it", "nothing-new"
]


class Occasion(Record, frozen=True, kw_only=True):
    """A moment at which a user's agent may make an offer: one decision follows, to make it or not.

    Workers write one when a user at autonomy 3 has been away for a day; applications may write them at any time, with
    the `reason` of their own, such as the name of a campaign.
    """

    event_id: EventKey
    user_id: UserKey
    event_time: Time
    reason: Label = ""


class _Decision(Record, frozen=True, kw_only=True, tag_field="type"):
    event_id: EventKey
    user_id: UserKey
    event_time: Time
    occasion: EventKey
    reason: Label = ""


class Offer(_Decision, frozen=True, kw_only=True, tag="offer"):
    """An offer to show to the user, wherever they are, before `expires_at` (event time): items, each with its reason.

    `occasion` is the event id of the occasion and `reason` its reason. `worth` in [0, 1] is how probable it seemed that
    the user takes it.
    """

    items: Annotated[tuple[RankedItem, ...], Meta(min_length=1, max_length=MOST_OFFERED)]
    expires_at: float
    worth: Annotated[float, Meta(ge=0, le=1)]
    plan_id: PlanId | None = None


class Withheld(_Decision, frozen=True, kw_only=True, tag="withheld"):
    """An offer that was not made, and why: there is nothing to show. `until` is when it is considered again, if known.

    - autonomy: the user has not asked for offers
    - too-soon: the last occasion was less than an hour before
    - quiet-hours: it is night where the user is, as they define it
    - budget: as many offers were made within a week as the user allows
    - unanswered: an earlier offer has not expired
    - not-worth-it: the user has ignored so many that one more would bother more than it would help
    - nothing-new: nothing was found that the user has not met and that their own statements or choices speak for
    """

    because: WithholdingReason
    until: float | None = None


OfferDecision = Offer | Withheld
