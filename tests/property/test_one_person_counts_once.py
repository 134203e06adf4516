"""Laws of item statistics: one user never counts as more than one, whatever they do, in whatever order it arrives."""

from __future__ import annotations

from itertools import pairwise
from math import exp2
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.account_weight import MOST_OF_ONE_CHOICE, account_weight
from features.contributions import contribution
from features.half_lives import POPULARITY_SECONDS, SEGMENT_SECONDS, SUPPORT_ORDER
from features.statistics import fold_delta, people_of
from features.user_state import ITEMS_KEPT, UserState, fold
from schemas.ids import EventId, ItemId, UserId
from schemas.interactions import AddToCart, Click, Dislike, Dwell, Interaction, Purchase, Rating, Skip, View
from schemas.statistics import ItemDelta, ItemStatistics
from tests.builders import START, click, rating

TARGET = ItemId("target")
ROUNDING = 1e-9


@st.composite
def events(draw: st.DrawFn) -> Interaction:
    """Draw anything that a user does with the target or another item, within minutes or months, in no order."""
    common: dict[str, Any] = {
        "user_id": UserId("u"),
        "event_id": EventId(f"e{draw(st.integers(0, 10**9))}"),
        "event_time": START + draw(st.one_of(st.floats(0, 600), st.floats(0, 2e7))),
        "item_id": draw(st.sampled_from([TARGET, TARGET, ItemId("a"), ItemId("b")])),
    }
    kind = draw(st.sampled_from([View, Click, Rating, AddToCart, Purchase, Dislike, Skip]))
    if kind is Rating:
        return Rating(**common, value=5.0)
    if kind in (AddToCart, Purchase):
        common["quantity"] = draw(st.sampled_from([0.1, 1.0, 30.0, 1e9]))
    event: Interaction = kind(**common)
    return event


LIVES = st.lists(events(), min_size=1, max_size=60, unique_by=lambda event: event.event_id)


def deltas(life: list[Interaction], user: str = "u") -> list[ItemDelta]:
    """Return the deltas of the target, as the worker makes them."""
    state, made = UserState(user_id=UserId(user)), []
    for offset, event in enumerate(life):
        delta = contribution(state, event, source=f"interactions-{user}", offset=offset)
        state = fold(state, event)
        if delta is not None and delta.item_id == TARGET:
            made.append(delta)
    return made


def row_of(made: list[ItemDelta]) -> ItemStatistics | None:
    row = None
    for delta in made:
        row = fold_delta(row, delta)
    return row


@given(LIVES)
def test_no_life_of_one_user_weighs_more_than_one_choice(life: list[Interaction]) -> None:
    row = row_of(deltas(life))
    if row is None:
        return
    assert max(row.popularity) <= MOST_OF_ONE_CHOICE + ROUNDING
    assert people_of(row) <= 1.0 + ROUNDING
    assert all(max(counts) <= MOST_OF_ONE_CHOICE + ROUNDING for counts in row.segments.values())
    assert all(weight <= 1.0 + ROUNDING for weight in (*row.covisits.values(), *row.transitions.values()))
    assert row.value_count <= 1


@given(LIVES, st.randoms())
def test_the_order_in_which_deltas_arrive_changes_nothing(life: list[Interaction], rng: object) -> None:
    made = deltas(life)
    shuffled = list(made)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    straight, mixed = row_of(made), row_of(shuffled)
    if straight is None or mixed is None:
        return
    assert mixed.popularity == pytest.approx(straight.popularity, abs=1e-6)
    assert mixed.people == pytest.approx(straight.people)
    assert mixed.covisits == pytest.approx(straight.covisits, abs=1e-6)


@given(st.integers(1, 40), st.floats(0.0, 1e6))
def test_a_person_counts_again_as_their_earlier_choice_fades(times: int, gap: float) -> None:
    """Right after a choice the count is that of a first one, so that people who come back keep an item popular."""
    made = [
        ItemDelta(
            item_id=TARGET,
            source="s",
            offset=n,
            event_time=START + n * gap,
            weight=1.0,
            counted=float(n > 0),
            since=gap,
        )
        for n in range(times)
    ]
    row = row_of(made)
    assert row is not None
    assert row.popularity == pytest.approx([1.0] * len(POPULARITY_SECONDS))


def test_people_add_up() -> None:
    made = [delta for user in ("u", "v", "w") for delta in deltas([click("u", TARGET)], user)]
    row = row_of(made)
    assert row is not None
    assert row.popularity[0] == pytest.approx(3.0)
    assert row.popularity[SUPPORT_ORDER] == pytest.approx(3 * made[0].account)
    assert row.people == pytest.approx(3 * made[0].account)


def test_accounts_earn_weight_by_distinct_choices_not_by_repeats() -> None:
    state, weights = UserState(user_id=UserId("u")), []
    for number in range(30):
        weights.append(account_weight(state))
        state = fold(state, click("u", f"i{number}", number))
    assert all(earlier < later < 1.0 for earlier, later in pairwise(weights))
    assert account_weight(fold(state, click("u", "i3", 99))) == account_weight(state)


def test_a_delta_of_an_earlier_build_counts_as_a_first_choice() -> None:
    row = row_of([ItemDelta(item_id=TARGET, source="s", offset=n, event_time=START, weight=1.0) for n in range(3)])
    assert row is not None
    assert row.popularity[0] == pytest.approx(3.0)


def test_a_row_of_an_earlier_build_goes_on_from_its_count() -> None:
    old = ItemStatistics(
        item_id=TARGET, version=7, at=START, first_at=START, count=7, popularity=(7.0,) * len(POPULARITY_SECONDS)
    )
    new = fold_delta(old, ItemDelta(item_id=TARGET, source="s", offset=9, event_time=START, weight=0.5))
    assert new.people == pytest.approx(7.5)


def test_what_is_left_of_a_segment_count_is_that_of_the_newest_choice() -> None:
    first = ItemDelta(item_id=TARGET, source="s", offset=0, event_time=START, weight=1.0, segment="new")
    week = 7 * 86_400.0
    second = ItemDelta(
        item_id=TARGET,
        source="s",
        offset=1,
        event_time=START + week,
        weight=1.0,
        segment="return",
        counted=1.0,
        since=week,
    )
    row = row_of([first, second])
    assert row is not None
    left = [exp2(-week / half_life) for half_life in SEGMENT_SECONDS]
    assert row.segments["new"] == pytest.approx(left)
    assert row.segments["return"] == pytest.approx([1.0 - share for share in left])


def test_the_first_rating_of_an_item_enters_its_mean_even_after_a_click_and_later_ones_do_not() -> None:
    rated = [rating("u", TARGET, value, 60.0 * n) for n, value in enumerate((4.0, 1.0), 1)]
    row = row_of(deltas([click("u", TARGET), *rated]))
    assert row is not None
    assert (row.value_count, row.value_sum) == (1, 4.0)


@pytest.mark.parametrize("between", [Skip, Dislike, Dwell])
def test_what_lies_between_two_choices_does_not_shorten_the_time_since_the_first(between: type[Any]) -> None:
    year = 365 * 86_400.0
    more = {"seconds": 5.0} if between is Dwell else {}
    other = between(
        event_id=EventId("other"), user_id=UserId("u"), event_time=START + year - 60.0, item_id=TARGET, **more
    )
    [_, again] = deltas([click("u", TARGET), other, click("u", TARGET, year)])
    assert again.since == pytest.approx(year)


def test_a_choice_that_was_dated_ahead_takes_nothing_from_the_next_one() -> None:
    state = fold(UserState(user_id=UserId("u")), click("u", TARGET), counts=False)
    delta = contribution(state, click("u", TARGET, 60.0), source="s", offset=1)
    assert delta is not None
    assert delta.counted == 0.0


def test_an_account_cannot_have_its_choice_forgotten_by_skips_of_made_up_items() -> None:
    state = fold(UserState(user_id=UserId("u")), click("u", TARGET))
    for number in range(ITEMS_KEPT + 10):
        common = {"event_id": EventId(f"s{number}"), "user_id": UserId("u"), "event_time": START + number}
        state = fold(state, Skip(item_id=ItemId(f"made-up-{number}"), **common))
    assert len(state.user_item_statistics) == ITEMS_KEPT
    assert state.user_item_statistics[TARGET].counted == 1.0


def test_an_item_that_was_only_skipped_before_is_a_distinct_choice() -> None:
    skip = Skip(event_id=EventId("s"), user_id=UserId("u"), event_time=START, item_id=TARGET)
    state = fold(fold(UserState(user_id=UserId("u")), skip), click("u", TARGET, 60.0))
    assert (state.repeats, state.distinct_choices) == (0, 1)
