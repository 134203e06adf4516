"""The fold of a user's events: nothing counts twice, late events correct, lists stay in event-time order."""

from __future__ import annotations

import random
from itertools import pairwise
from operator import itemgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from features.implicit_feedback import feedback_weight
from features.list_outcome import mature
from features.user_state import EVENT_IDS, RECENT, SESSION_GAP, UserSession, UserState, fold
from schemas.ids import EventId, ItemId, UserId
from schemas.interactions import AddToCart, Purchase
from tests.builders import START, click, impression, rating, skip


def folded(*events):  # type: ignore[no-untyped-def]
    state = UserState(user_id=UserId("ann"))
    for event in events:
        state = fold(state, event)
    return state


def test_a_duplicate_changes_nothing() -> None:
    event = click("ann", "a")
    once = folded(event)
    assert fold(once, event) is once


def test_a_late_event_is_inserted_at_its_time_and_turns_no_clock_back() -> None:
    state = folded(click("ann", "a", at=100), click("ann", "c", at=300), click("ann", "b", at=200))
    assert [entry.item_id for entry in state.recent] == ["a", "b", "c"]
    assert state.last_at == START + 300
    assert state.session.number == 1


def test_half_an_hour_of_silence_begins_a_session() -> None:
    state = folded(click("ann", "a"), click("ann", "b", at=SESSION_GAP), click("ann", "c", at=2 * SESSION_GAP + 1))
    assert state.session.number == 2
    assert state.session.events == 1


def test_skips_run_until_a_choice() -> None:
    state = folded(skip("ann", "a"), skip("ann", "b", at=1))
    assert state.session.skips == 2
    assert fold(state, click("ann", "c", at=2)).session.skips == 0


def test_repeats_and_their_gaps_are_counted() -> None:
    state = folded(click("ann", "a"), click("ann", "b", at=5), click("ann", "a", at=50))
    assert (state.repeats, state.gap_sum) == (1, 50.0)
    assert state.user_item_statistics["a"].count == 2


def test_ratings_are_relative_to_the_users_own_mean() -> None:
    state = folded(rating("ann", "a", 8), rating("ann", "b", 8, at=1), rating("ann", "c", 3, at=2))
    assert state.mean_value is not None
    assert state.recent[-1].reward < 0 < state.recent[1].reward


def test_a_shown_slate_collects_its_outcome_until_it_matures() -> None:
    shown = impression("ann", ("a", "b", "c"), "list-1")
    state = folded(shown, click("ann", "b", at=5), skip("ann", "a", at=6))
    assert state.shown[0].clicked == ("b",)
    assert state.shown[0].skipped == ("a",)
    assert mature(state) == (state, ())
    later, matured = mature(fold(state, click("ann", "z", at=SESSION_GAP + 10)))
    assert [slate.list_id for slate in matured] == ["list-1"]
    assert later.shown == ()


def test_feature_times_increase_strictly_even_for_events_of_one_second() -> None:
    times = []
    state = UserState(user_id=UserId("ann"))
    for at in (10, 10, 3, 10, 11):
        state = fold(state, click("ann", "a", at=at))
        times.append(state.feature_time)
    assert all(before < after for before, after in pairwise(times))


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5_000)), max_size=120, unique_by=itemgetter(1)), st.randoms()
)
def test_bounds_hold_and_recent_items_do_not_depend_on_the_order_of_arrival(
    chosen: list[tuple[int, int]], rng: random.Random
) -> None:
    events = [click("ann", f"i{number}", at=at) for number, at in chosen]
    state = folded(*events)
    assert len(state.recent) <= RECENT
    assert len(state.event_ids) <= EVENT_IDS
    assert sorted(state.recent, key=lambda e: e.at) == list(state.recent)
    shuffled = list(events)
    rng.shuffle(shuffled)
    if len(events) <= RECENT:
        assert folded(*shuffled).recent == state.recent


def test_events_of_one_second_stay_in_the_order_in_which_they_came() -> None:
    state = folded(*(click("ann", item, at=5) for item in "cab"), click("ann", "earlier", at=4))
    assert [entry.item_id for entry in state.recent] == ["earlier", "c", "a", "b"]


def test_the_applications_session_ids_say_when_a_session_begins() -> None:
    def clicks(*timed_sessions: tuple[float, str]) -> UserState:
        state = UserState(user_id=UserId("u1"))
        for at, session in timed_sessions:
            state = fold(state, replace(click("u1", "i1", at=at), session_id=session))
        return state

    assert clicks((0, "a"), (10, "a"), (20, "b")).session.number == 2, "another id begins one"
    assert clicks((0, "a"), (9_000, "a")).session.number == 1, "the same id continues it, however long the silence"
    assert clicks((0, "a"), (9_000, "")).session.number == 2, "without an id, silence ends it"
    assert clicks((0, ""), (10, "a")).session == UserSession(START, 2, 1, 0, "a"), "an id that comes late is adopted"
    assert clicks((100, "b"), (50, "a")).session.number == 1, "a late event of an older session begins none"


@pytest.mark.parametrize(("quantity", "weight"), [(1.0, 1.0), (10.0, 2.0), (100.0, 3.0), (0.01, 0.1), (0.0, 0.1)])
def test_a_quantity_weighs_by_its_logarithm(quantity: float, weight: float) -> None:
    for event_type in (Purchase, AddToCart):
        event = event_type(
            event_id=EventId("e"), user_id=UserId("u1"), event_time=START, item_id=ItemId("i"), quantity=quantity
        )
        assert feedback_weight(event) == weight
        assert fold(UserState(user_id=UserId("u1")), event).recent[0].feedback_weight == weight
