"""The situation of a choice: new, on return, within a sitting; clocks and late events do not confuse it."""

from __future__ import annotations

from features.user_segment import user_segment
from features.user_state import SESSION_GAP, UserState, fold
from schemas.ids import UserId
from schemas.interactions import Interaction
from tests.builders import START, click, impression, rating, skip


def after(*events: Interaction, at: float) -> str:
    """The situation at `at` seconds from the start, when these events came before."""
    state = UserState(user_id=UserId("ann"))
    for event in events:
        state = fold(state, event)
    return user_segment(state, START + at)


def test_nobody_is_new_twice() -> None:
    assert after(at=0) == "new"
    assert after(click("ann", "a"), at=10) == "sitting"
    assert after(click("ann", "a"), at=1e7) == "return"


def test_who_only_looked_and_skipped_is_still_new() -> None:
    assert after(impression("ann", ("a", "b"), "l1"), skip("ann", "a", at=5), at=10) == "new"


def test_a_sitting_lasts_as_long_as_no_gap_is_longer_than_the_session_gap() -> None:
    assert after(click("ann", "a"), at=SESSION_GAP) == "sitting"
    assert after(click("ann", "a"), at=SESSION_GAP + 1) == "return"
    assert after(click("ann", "a"), rating("ann", "b", 3.0, at=SESSION_GAP), at=2 * SESSION_GAP) == "sitting"


def test_what_is_shown_and_skipped_on_coming_back_does_not_end_the_return() -> None:
    back = (click("ann", "a"), impression("ann", ("b", "c"), "l1", at=9_000), skip("ann", "b", at=9_005))
    assert after(*back, at=9_010) == "return"
    assert after(*back, click("ann", "c", at=9_010), at=9_020) == "sitting"


def test_a_late_event_counts_as_one_of_the_newest_sitting() -> None:
    now = (click("ann", "a", at=0), click("ann", "b", at=9_000))
    assert after(*now, at=4_000) == after(*now, at=-4_000) == after(*now, at=9_000) == "sitting"
    assert after(*now, click("ann", "c", at=4_000), at=9_010) == "sitting"


def test_a_late_event_before_the_first_choice_of_a_return_does_not_end_it() -> None:
    back = (click("ann", "a"), skip("ann", "b", at=9_000), click("ann", "c", at=100))
    assert after(*back, at=9_010) == "return"
