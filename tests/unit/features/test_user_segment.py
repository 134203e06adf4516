"""The user segment of a choice: new, returning or within a session, whatever the clocks and late events."""

from __future__ import annotations

from features.user_segment import user_segment
from features.user_state import SESSION_GAP, UserState, fold
from schemas.ids import UserId
from schemas.interactions import Interaction
from tests.builders import START, click, impression, rating, skip


def segment_after(*events: Interaction, at: float) -> str:
    """Return the segment at `at` seconds from the start, after these events."""
    state = UserState(user_id=UserId("ann"))
    for event in events:
        state = fold(state, event)
    return user_segment(state, START + at)


def test_a_user_is_new_only_once() -> None:
    assert segment_after(at=0) == "new"
    assert segment_after(click("ann", "a"), at=10) == "sitting"
    assert segment_after(click("ann", "a"), at=1e7) == "return"


def test_impressions_and_skips_leave_a_user_new() -> None:
    assert segment_after(impression("ann", ("a", "b"), "l1"), skip("ann", "a", at=5), at=10) == "new"


def test_a_session_lasts_until_a_gap_longer_than_the_session_gap() -> None:
    assert segment_after(click("ann", "a"), at=SESSION_GAP) == "sitting"
    assert segment_after(click("ann", "a"), at=SESSION_GAP + 1) == "return"
    assert segment_after(click("ann", "a"), rating("ann", "b", 3.0, at=SESSION_GAP), at=2 * SESSION_GAP) == "sitting"


def test_impressions_and_skips_of_a_returning_user_do_not_end_the_return() -> None:
    events = (click("ann", "a"), impression("ann", ("b", "c"), "l1", at=9_000), skip("ann", "b", at=9_005))
    assert segment_after(*events, at=9_010) == "return"
    assert segment_after(*events, click("ann", "c", at=9_010), at=9_020) == "sitting"


def test_a_late_event_counts_in_the_newest_session() -> None:
    events = (click("ann", "a", at=0), click("ann", "b", at=9_000))
    assert (
        segment_after(*events, at=4_000)
        == segment_after(*events, at=-4_000)
        == segment_after(*events, at=9_000)
        == "sitting"
    )
    assert segment_after(*events, click("ann", "c", at=4_000), at=9_010) == "sitting"


def test_a_late_event_before_the_first_choice_of_a_return_does_not_end_it() -> None:
    events = (click("ann", "a"), skip("ann", "b", at=9_000), click("ann", "c", at=100))
    assert segment_after(*events, at=9_010) == "return"
