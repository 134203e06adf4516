"""Scores of items are the same sums, whatever the size of the catalogue."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from inference.items.availability import Availability
from inference.items.scores import DENSE_ITEMS, ItemScores, Summing
from schemas.ids import ItemId
from schemas.items import Item

LARGE = DENSE_ITEMS + 10
CONTRIBUTIONS = st.lists(st.tuples(st.integers(0, 15), st.floats(0.0, 4.0)), max_size=30)
TIMES = st.one_of(st.none(), st.integers(0, 9).map(float))


def summed(contributions: list[tuple[int, float]], size: int) -> ItemScores:
    items = np.array([item for item, _ in contributions], np.int64)
    return Summing(capacity=size).addends(items, size).sum(np.array([value for _, value in contributions]))


@given(CONTRIBUTIONS, st.lists(st.booleans(), min_size=16, max_size=16), st.integers(1, 9))
def test_a_large_catalogue_has_the_scores_of_a_small_one(
    contributions: list[tuple[int, float]], closed: list[bool], size: int
) -> None:
    small, large = summed(contributions, 16), summed(contributions, LARGE)
    items, blocked = np.arange(16), np.array(closed)
    assert np.allclose(small.at(items), large.at(items), rtol=1e-12)
    factors = np.linspace(0.5, 2.0, LARGE)
    assert np.allclose(small.times(factors[:16]).at(items), large.times(factors).at(items), rtol=1e-12)
    expected = small.best(blocked, size).tolist()
    assert large.best(np.concatenate([blocked, np.zeros(LARGE - 16, np.bool_)]), size).tolist() == expected
    assert len(expected) <= size
    assert not blocked[expected].any()


@given(
    st.lists(st.tuples(st.integers(0, 5), TIMES, TIMES, st.booleans()), min_size=1, max_size=12),
    st.lists(st.integers(-1, 10), min_size=1, max_size=8),
)
def test_what_is_unavailable_is_what_is_not_shown_at_any_time_in_any_order(
    entries: list[tuple[int, float | None, float | None, bool]], times: list[int]
) -> None:
    availability = Availability(capacity=6)
    for number, begins, ends, is_withdrawn in entries:
        availability.put(number, Item(item_id=ItemId("i"), available_from=begins, available_until=ends))
        if is_withdrawn:
            availability.withdraw(number)
        for now in times:
            hidden = availability.unavailable(6, now=float(now)).tolist()
            assert hidden == [not availability.shows(item, float(now), "") for item in range(6)]
