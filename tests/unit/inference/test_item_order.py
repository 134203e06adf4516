"""Items stay in the order of a key, however the keys change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.items.availability import MOST_MOVED, Availability
from inference.items.order import NO_EVENTS, Leaders, Order
from schemas.ids import ItemId
from schemas.items import Item

MOVES = st.lists(st.tuples(st.integers(0, 7), st.one_of(st.none(), st.sampled_from([-1.0, 0.0, 2.0]))), max_size=60)


@given(MOVES)
def test_the_highest_key_comes_first_and_of_equal_keys_the_lower_number(moves: list[tuple[int, float | None]]) -> None:
    order, keys = Order(), dict[int, float]()
    for number, key in moves:
        if key is not None:
            order.put(number, keys.get(number), key)
            keys[number] = key
        elif number in keys:
            order.drop(number, keys.pop(number))
        assert order.first(9).tolist() == sorted(keys, key=lambda item: (-keys[item], item))


def test_an_item_is_not_dropped_by_a_key_that_it_does_not_have() -> None:
    order = Order()
    order.put(3, None, 1.0)
    for number, key in ((4, 1.0), (2, 1.0), (3, 2.0), (3, 0.0)):
        with pytest.raises(IndexError):
            order.drop(number, key)
    assert order.first(9).tolist() == [3]


@given(
    st.lists(st.tuples(st.integers(0, 11), st.sampled_from([NO_EVENTS, -1.0, 0.0, 2.0, 3.0])), max_size=80),
    st.integers(1, 12),
    st.integers(1, 12),
)
def test_leaders_are_the_first_of_all_however_few_are_kept(
    moves: list[tuple[int, float]], kept: int, asked: int
) -> None:
    leaders, keys = Leaders(kept), np.full(12, NO_EVENTS)
    for number, key in moves:
        leaders.put(number, float(keys[number]), key)
        keys[number] = key
        chosen = [item for item in range(12) if keys[item] > NO_EVENTS]
        expected = sorted(chosen, key=lambda item: (-keys[item], item))[:asked]
        assert leaders.first(keys, asked).tolist() == expected


OPENINGS = st.lists(st.tuples(st.integers(0, 99), st.sampled_from([None, 1.0, 2.0, 3.0, "withdrawn"])), max_size=90)


@given(st.lists(OPENINGS, max_size=4))
def test_openings_are_in_order_however_many_items_change_between_two_reads(
    batches: list[list[tuple[int, Any]]],
) -> None:
    availability, opens = Availability(capacity=100), dict[int, float]()
    whole = [(number, float(number % 3 + 1)) for number in range(MOST_MOVED + 1)]
    for batch in (whole, *batches):
        for number, at in batch:
            opens.pop(number, None)
            if at == "withdrawn":
                availability.withdraw(number)
                continue
            availability.put(number, Item(item_id=ItemId("i"), available_from=at))
            if at is not None:
                opens[number] = at
        expected = sorted((number for number, at in opens.items() if 1.0 < at <= 3.0), key=lambda n: (-opens[n], n))
        assert availability.opened(1.0, 3.0, 200) == expected
