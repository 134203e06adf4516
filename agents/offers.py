"""Offers: when an agent at autonomy 3 recommends something unasked, and when it does nothing.

Worth is the probability that the user takes an offer: the mean of a beta distribution over how earlier ones fared, from
a prior that all users share. Each offer bothers; where the worth is less than that, none is made.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import exp2

from msgspec import Struct
from msgspec.structs import replace

from agents.memory.record import NEVER
from features.decay import DAY
from features.recurring_times import zone_of
from features.user_state import UserState
from schemas.event_kinds import is_choice, kind_of
from schemas.ids import EventId
from schemas.instructions import MOST_OFFERS, OfferRules
from schemas.interactions import Interaction, ItemEvent
from schemas.offers import Offer, WithholdingReason

AWAY_SECONDS = DAY
"""After so long without an event of the user, and without an occasion, there is one."""
LASTS_SECONDS = 2 * DAY
"""How long an offer stands: then it has been ignored."""
LEAST_SECONDS = 3_600.0
"""Between two occasions; what is sooner is one occasion."""
BOTHER = 0.1
"""The least worth of an offer."""
PRIOR_ACCEPTED, PRIOR_IGNORED = 1.0, 4.0
"""The prior: of five offers one is accepted."""
FORGETS_SECONDS = 30 * DAY
"""The half-life of how earlier offers fared: who ignored many gets another after months."""
WEEK = 7 * DAY


class OpenOffer(Struct, frozen=True, array_like=True):
    """An offer that the user may still take."""

    event_id: EventId
    items: tuple[str, ...]
    expires_at: float


class OfferState(Struct, frozen=True, kw_only=True):
    """What a user's agent knows of its offers. Times are event times.

    `made` are the times of the offers of the last week, `accepted` and `ignored` counts as of `counted_at`, decayed.
    """

    rules: OfferRules = OfferRules()
    considered_at: float = -NEVER
    quiet_until: float = -NEVER
    made: tuple[float, ...] = ()
    open: OpenOffer | None = None
    accepted: float = 0.0
    ignored: float = 0.0
    counted_at: float = -NEVER

    def worth(self, now: float) -> float:
        """Return how probable it is that the user takes an offer.

        >>> OfferState().worth(0.0), round(OfferState(ignored=6.0, counted_at=0.0).worth(0.0), 3)
        (0.2, 0.091)
        """
        kept = _kept(self, now)
        accepted, ignored = PRIOR_ACCEPTED + kept * self.accepted, PRIOR_IGNORED + kept * self.ignored
        return accepted / (accepted + ignored)


class Considered(Struct, frozen=True):
    """What became of an occasion: the state after it, if offers were ever allowed, and why no offer is made; one may be
    made if that is none.
    """

    offers: OfferState | None
    because: WithholdingReason | None = None
    until: float | None = None


def consider(offers: OfferState, now: float) -> Considered:
    """Consider an offer at `now`; quiet hours put it off until they end.

    >>> rules = OfferRules(quiet_from="22:00", quiet_to="07:00")
    >>> [consider(OfferState(rules=rules), 3_600.0 * hour).because for hour in (12, 23)]
    [None, 'quiet-hours']
    """
    offers = settled(offers, now)
    if now - offers.considered_at < LEAST_SECONDS:
        return Considered(offers, "too-soon", offers.considered_at + LEAST_SECONDS)
    quiet = quiet_until(offers.rules, now)
    if quiet is not None:
        return Considered(replace(offers, quiet_until=quiet), "quiet-hours", quiet)
    offers = replace(offers, considered_at=now, quiet_until=-NEVER)
    if offers.open is not None:
        return Considered(offers, "unanswered", offers.open.expires_at)
    if (free := _free_at(offers, now)) > now:
        return Considered(offers, "budget", free if free < NEVER else None)
    if offers.worth(now) < BOTHER:
        return Considered(offers, "not-worth-it")
    return Considered(offers)


def noted(offers: OfferState, offer: Offer) -> OfferState:
    """Return the state after an offer was made; the same offer counts once."""
    at = offer.event_time
    if at in offers.made:
        return offers
    offers = settled(offers, at)
    made = tuple(sorted(one for one in (*offers.made, at) if one > at - WEEK))[-MOST_OFFERS:]
    items = tuple(ranked.item_id for ranked in offer.items)
    return replace(offers, made=made, open=OpenOffer(EventId(offer.event_id), items, offer.expires_at))


def answered(offers: OfferState, event: Interaction) -> OfferState:
    """Return the state after an event: choosing an offered item takes the offer, skipping or hiding it declines it."""
    offers = settled(offers, event.event_time)
    if offers.open is None or not isinstance(event, ItemEvent) or event.item_id not in offers.open.items:
        return offers
    if is_choice(event):
        return _counted(replace(offers, open=None), event.event_time, accepted=1.0)
    if kind_of(event).extends_skips:
        return _counted(replace(offers, open=None), event.event_time, ignored=1.0)
    return offers


def settled(offers: OfferState, now: float) -> OfferState:
    """Return the state at `now`: an offer that has expired was ignored."""
    if offers.open is None or now < offers.open.expires_at:
        return offers
    return _counted(replace(offers, open=None), offers.open.expires_at, ignored=1.0)


def next_occasion(offers: OfferState, user: UserState) -> float | None:
    """Return when a user at autonomy 3 who stays away is due for an occasion; none while offers are not worth it."""
    if offers.rules.per_week == 0 or user.quarantined:
        return None
    if offers.quiet_until > offers.considered_at:
        return offers.quiet_until
    due = max(user.last_at, offers.considered_at) + AWAY_SECONDS
    due = max(due, offers.open.expires_at if offers.open is not None else due, _free_at(offers, due))
    return due if settled(offers, due).worth(due) >= BOTHER else None


def quiet_until(rules: OfferRules, now: float) -> float | None:
    """Return when the quiet hours end that it is now in the user's time zone; none outside of them.

    >>> quiet_until(OfferRules(quiet_from="22:00", quiet_to="08:00"), 23 * 3_600.0) / 3_600.0
    32.0
    """
    here = datetime.fromtimestamp(now, zone_of(rules.time_zone))
    began, ends = (_on(here, clock) for clock in (rules.quiet_from, rules.quiet_to))
    if began > ends:  # over midnight
        began, ends = (began - timedelta(days=1), ends) if here < ends else (began, ends + timedelta(days=1))
    return ends.timestamp() if began <= here < ends else None


def _on(day: datetime, clock: str) -> datetime:
    hour, minute = map(int, clock.split(":"))
    return day.replace(hour=hour, minute=minute, second=0, microsecond=0)


def _free_at(offers: OfferState, now: float) -> float:
    """Return when the budget of a week allows another offer."""
    recent = [at for at in offers.made if at > now - WEEK]
    allowed = offers.rules.per_week
    if len(recent) < allowed:
        return now
    return recent[-allowed] + WEEK if allowed else NEVER


def _kept(offers: OfferState, now: float) -> float:
    return exp2(-max(0.0, now - offers.counted_at) / FORGETS_SECONDS)


def _counted(offers: OfferState, at: float, *, accepted: float = 0.0, ignored: float = 0.0) -> OfferState:
    kept, at = _kept(offers, at), max(at, offers.counted_at)
    return replace(
        offers, accepted=kept * offers.accepted + accepted, ignored=kept * offers.ignored + ignored, counted_at=at
    )
