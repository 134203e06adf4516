"""When an agent makes an offer unasked, and when it does nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agents.agent_state import FULL_AUTONOMY, PROACTIVE, PROPOSING
from agents.offers import (
    AWAY_SECONDS,
    BOTHER,
    LASTS_SECONDS,
    WEEK,
    OfferState,
    answered,
    consider,
    next_occasion,
    noted,
    quiet_until,
)
from features.user_state import UserState
from schemas.ids import EventId
from schemas.instructions import MOST_OFFERS, OfferRules, SetAutonomy
from schemas.interactions import Click, Hide, Impression, Skip
from schemas.offers import Offer
from schemas.recommendations import RankedItem
from tests.unit.agents.scenarios import START, USER, Life, after, event
from tests.unit.agents.test_autonomy import told

HOUR, DAY = 3_600.0, 86_400.0
ANYTIME = OfferRules(per_week=MOST_OFFERS, quiet_from="00:00", quiet_to="00:00")


def offer(at: float, *items: str) -> Offer:
    return Offer(
        event_id=EventId(f"offer-{at}"),
        user_id=USER,
        event_time=START + at,
        occasion=EventId(f"occasion-{at}"),
        items=tuple(RankedItem(item_id=item, score=1.0, source="s") for item in items or ("jazz-1",)),
        expires_at=START + at + LASTS_SECONDS,
        worth=0.2,
    )


def made(*offers: Offer, rules: OfferRules = ANYTIME) -> OfferState:
    state = OfferState(rules=rules)
    for one in offers:
        state = noted(state, one)
    return state


def test_an_offer_is_withheld_while_an_earlier_one_stands() -> None:
    state = made(offer(0))
    assert consider(state, START + DAY).because == "unanswered"
    assert consider(state, START + DAY).until == START + LASTS_SECONDS
    assert consider(state, START + LASTS_SECONDS).because is None


def test_no_more_offers_are_made_in_a_week_than_the_user_allows() -> None:
    rules = OfferRules(per_week=2, quiet_from="00:00", quiet_to="00:00")
    state = made(offer(0), offer(LASTS_SECONDS), rules=rules)
    refused = consider(state, START + 2 * LASTS_SECONDS)
    assert (refused.because, refused.until) == ("budget", START + WEEK)
    assert consider(state, START + WEEK).because is None
    none = consider(OfferState(rules=OfferRules(per_week=0, quiet_from="00:00", quiet_to="00:00")), START)
    assert (none.because, none.until) == ("budget", None)


def test_who_ignores_offers_is_left_alone_and_asked_again_after_months() -> None:
    state, at, count = OfferState(rules=ANYTIME), 0.0, 0
    while consider(state, START + at).because is None:
        state, at, count = noted(state, offer(at)), at + LASTS_SECONDS, count + 1
    assert 4 <= count <= 10
    assert consider(state, START + at).because == "not-worth-it"
    assert next_occasion(state, UserState(user_id=USER, last_at=START + at)) is None
    assert consider(state, START + at + 180 * DAY).because is None


def test_taking_an_offer_makes_the_next_one_worth_more_and_hiding_it_less() -> None:
    state = made(offer(0, "jazz-1", "jazz-2"))
    before = state.worth(START)
    taken = answered(state, event(Click, 60, "jazz-2"))
    hidden = answered(state, event(Hide, 60, "jazz-1"))
    other = answered(state, event(Click, 60, "rock-1"))
    late = answered(state, event(Click, LASTS_SECONDS, "jazz-1"))
    assert taken.worth(START + 60) > before > hidden.worth(START + 60)
    assert (taken.open, hidden.open, other) == (None, None, state)
    assert late.worth(START + LASTS_SECONDS) < before


def test_an_impression_or_another_items_skip_answers_nothing() -> None:
    state = made(offer(0))
    assert answered(state, event(Impression, 60, items=("jazz-1",), list_id="l")) == state
    assert answered(state, event(Skip, 60, "folk-1")) == state


def test_quiet_hours_follow_the_clock_of_the_user_also_over_midnight() -> None:
    berlin = OfferRules(quiet_from="22:00", quiet_to="07:30", time_zone="Europe/Berlin")
    midnight_utc = 1_767_225_600.0  # 2026-01-01, when it is 01:00 in Berlin
    assert quiet_until(berlin, midnight_utc) == midnight_utc + 6.5 * HOUR
    assert quiet_until(berlin, midnight_utc + 6.5 * HOUR) is None
    assert quiet_until(berlin, midnight_utc - 3 * HOUR) == midnight_utc + 6.5 * HOUR
    assert quiet_until(berlin, midnight_utc - 3 * HOUR - 1) is None
    lunch = OfferRules(quiet_from="12:00", quiet_to="13:00")
    assert quiet_until(lunch, midnight_utc + 12.5 * HOUR) == midnight_utc + 13 * HOUR
    assert quiet_until(ANYTIME, midnight_utc) is None


@given(
    at=st.floats(0, 1e10, allow_nan=False),
    rules=st.tuples(st.integers(0, 23), st.integers(0, 59), st.integers(0, 23), st.integers(0, 59)),
    zone=st.sampled_from(("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Mars/Olympus")),
)
def test_quiet_hours_end_within_a_day_and_are_over_then(at: float, rules: tuple[int, ...], zone: str) -> None:
    begins, ends = f"{rules[0]:02}:{rules[1]:02}", f"{rules[2]:02}:{rules[3]:02}"
    quiet = OfferRules(quiet_from=begins, quiet_to=ends, time_zone=zone)
    until = quiet_until(quiet, at)
    if until is not None:
        assert at < until <= at + DAY + 2 * HOUR  # a day may have 25 hours
        assert quiet_until(quiet, until) is None


def test_quiet_hours_put_an_offer_off_until_they_end() -> None:
    state = OfferState(rules=OfferRules(quiet_from="22:00", quiet_to="08:00"))
    night = START + 23 * HOUR
    put_off = consider(state, night)
    assert (put_off.because, put_off.until) == ("quiet-hours", START + 32 * HOUR)
    assert put_off.offers is not None
    assert next_occasion(put_off.offers, UserState(user_id=USER, last_at=night)) == START + 32 * HOUR
    assert consider(put_off.offers, START + 32 * HOUR).because is None


def test_two_occasions_at_once_are_one() -> None:
    first = consider(OfferState(rules=ANYTIME), START)
    assert first.offers is not None
    assert (first.because, consider(first.offers, START + 60).because) == (None, "too-soon")


def test_users_who_never_allowed_offers_carry_nothing_about_them() -> None:
    assert after(Life(), [event(Click, 0, "jazz-1"), told(SetAutonomy, 1, level=2)]).agent.offers is None


def test_the_same_offer_counts_once() -> None:
    once = made(offer(0))
    assert noted(once, offer(0)) == once


def test_an_occasion_comes_a_day_after_the_last_event() -> None:
    user = UserState(user_id=USER, last_at=START)
    assert next_occasion(OfferState(rules=ANYTIME), user) == START + AWAY_SECONDS


def test_a_level_may_be_for_one_action() -> None:
    life = after(Life(), [told(SetAutonomy, 0, level=PROPOSING), told(SetAutonomy, 1, level=3, action="offers")])
    assert [life.agent.level(action) for action in ("plans", "words", "offers")] == [PROPOSING, PROPOSING, PROACTIVE]
    life = after(life, [told(SetAutonomy, 2, level=FULL_AUTONOMY)])
    assert {life.agent.level(action) for action in ("plans", "words", "offers")} == {FULL_AUTONOMY}


def test_rules_that_were_given_stay_until_others_are() -> None:
    rules = OfferRules(per_week=5, time_zone="Europe/Berlin")
    life = after(Life(), [told(SetAutonomy, 0, level=3, offers=rules), told(SetAutonomy, 1, level=2)])
    life = after(life, [told(SetAutonomy, 2, level=3)])
    assert life.agent.allowed_offers is not None
    assert life.agent.allowed_offers.rules == rules


@given(
    st.lists(st.tuples(st.floats(0, 100 * DAY), st.sampled_from(("offer", "take", "hide", "consider"))), max_size=40)
)
def test_worth_is_a_probability_and_the_state_stays_small(steps: list[tuple[float, str]]) -> None:
    state = OfferState(rules=ANYTIME)
    for at, step in sorted(steps):
        match step:
            case "offer":
                state = noted(state, offer(at))
            case "take":
                state = answered(state, event(Click, at, "jazz-1"))
            case "hide":
                state = answered(state, event(Hide, at, "jazz-1"))
            case _:
                considered = consider(state, START + at)
                assert considered.offers is not None
                state = considered.offers
                assert (considered.because is None) <= (state.worth(START + at) >= BOTHER)
        assert 0.0 < state.worth(START + at) < 1.0
        assert len(state.made) <= MOST_OFFERS
