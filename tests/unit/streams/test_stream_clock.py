"""The stream clock: no single producer changes it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from schemas.ids import ItemId, UserId
from schemas.recommendations import RankRequest
from schemas.topics import ITEMS, RANK_REQUESTS
from streams.state.stream_clock import LIVE_LAG_SECONDS, StreamClock
from streams.worker.lists import default_lists
from tests.builders import START, click, event_id, item, make_runner, newest_list, send_event

NOW = START + 1e6
LAG = 30 * 86_400.0
"""Seconds by which a log of the past lags."""
HOUR = 3_600.0


def clock_after(*lags: float, wall: float = NOW) -> StreamClock:
    clock = StreamClock()
    for lag in lags:
        clock.observe(event_time=wall - lag, produced=wall)
    return clock


@given(some.lists(some.floats(-1e9, 1e9), min_size=0, max_size=40))
def test_a_minority_of_wrong_clocks_changes_nothing(wrong: list[float]) -> None:
    assert clock_after(*wrong, *[LAG] * (len(wrong) + 1)).now(NOW) == NOW - LAG
    assert clock_after(*wrong, *[0.5] * (len(wrong) + 1)).now(NOW) == NOW


@given(some.lists(some.floats(-1e9, 1e9), max_size=300), some.floats(0.0, 1e9))
def test_it_is_never_ahead_of_the_wall(lags: list[float], later: float) -> None:
    assert clock_after(*lags).now(NOW + later) <= NOW + later


def test_it_goes_on_in_a_quiet_hour() -> None:
    assert clock_after(0.5, 0.5, 0.5).now(NOW + HOUR) == NOW + HOUR
    assert clock_after(LAG, LAG, LAG).now(NOW + HOUR) == NOW + HOUR - LAG


def test_a_log_of_the_past_has_a_clock_of_the_past() -> None:
    years = 10 * 365 * LIVE_LAG_SECONDS
    assert clock_after(*[years] * 5).now(NOW) == NOW - years


def test_before_any_event_the_newest_statistics_decide_whether_the_stream_is_live() -> None:
    clock = StreamClock()
    assert clock.now(NOW) == NOW
    assert clock.now(NOW, newest_known=NOW - HOUR) == NOW
    assert clock.now(NOW, newest_known=NOW - 30 * LIVE_LAG_SECONDS) == NOW - 30 * LIVE_LAG_SECONDS
    assert clock.now(NOW, newest_known=NOW + HOUR) == NOW


def shown_to_unknown_users(runner) -> set[str]:  # type: ignore[no-untyped-def]
    recommendation, _ = default_lists(runner.deps)
    return {ranked.item_id for ranked in recommendation.value.home.items}


@pytest.fixture
def live():  # type: ignore[no-untyped-def]
    """Return a live stream, an item that becomes available in ten hours, and one that is withdrawn in ten hours."""
    runner = make_runner()
    for name in ("a", "b", "c"):
        runner.send(ITEMS, name, item(name, "tea"))
    soon = item("soon", "tea")
    from msgspec.structs import replace

    runner.send(ITEMS, "soon", replace(soon, available_from=NOW + 10 * HOUR))
    runner.send(ITEMS, "last", replace(item("last", "tea"), available_until=NOW + 10 * HOUR))
    for number in range(9):
        send_event(runner, click(f"u{number}", "a", at=1e6 - 1.0))
    return runner


def test_an_event_of_tomorrow_neither_shows_unavailable_items_nor_hides_others(live) -> None:  # type: ignore[no-untyped-def]
    before = shown_to_unknown_users(live)
    assert {"a", "b", "c", "last"} <= before
    assert "soon" not in before
    send_event(live, click("early", "a", at=1e6 + 20 * HOUR))
    assert shown_to_unknown_users(live) == before
    own = {ranked.item_id for ranked in newest_list(live, "early").home.items}
    assert "soon" not in own
    assert "last" in own


def test_an_event_of_tomorrow_gets_the_time_of_its_record(live) -> None:  # type: ignore[no-untyped-def]
    send_event(live, click("early", "a", at=1e6 + 20 * HOUR))
    assert newest_list(live, "early").event_time <= NOW


def ask(runner, user: str, *surfaces: str) -> None:  # type: ignore[no-untyped-def]
    request = RankRequest(event_id=event_id(), user_id=UserId(user), event_time=NOW, surfaces=surfaces)
    send_event(runner, request, RANK_REQUESTS)


def test_a_list_that_is_asked_for_another_surface_keeps_the_one_for_home(live) -> None:  # type: ignore[no-untyped-def]
    ask(live, "u1", "cart")
    recommendation = newest_list(live, "u1")
    assert [slate.surface for slate in recommendation.slates] == ["home", "cart"]
    assert recommendation.home.items
    ask(live, "u1")
    assert [slate.surface for slate in newest_list(live, "u1").slates] == ["home"]


def test_a_request_long_after_the_last_event_shows_items_that_are_available_now(live) -> None:  # type: ignore[no-untyped-def]
    ask(live, "u1", "home")
    shown = {ranked.item_id for ranked in newest_list(live, "u1").home.items}
    assert ItemId("soon") not in shown
    assert ItemId("last") in shown
