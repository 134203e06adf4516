"""Item statistics: the same whatever the order of arrival, and no delta counts twice."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.statistics import NEIGHBOURS, Marks, fold_delta
from schemas.ids import ItemId
from schemas.statistics import ItemDelta, ItemStatistics
from tests.builders import START


def delta(offset: int, at: float, *before: str, source: str = "interactions-0") -> ItemDelta:
    earlier = tuple((ItemId(name), 10.0) for name in before)
    return ItemDelta(
        item_id=ItemId("i"), source=source, offset=offset, event_time=START + at, weight=1.0, before=earlier
    )


def folded(deltas: list[ItemDelta]) -> ItemStatistics:
    row: ItemStatistics | None = None
    for one in deltas:
        row = fold_delta(row, one)
    assert row is not None
    return row


@given(st.lists(st.floats(0, 5_000_000), min_size=1, max_size=40), st.randoms())
def test_sums_do_not_depend_on_the_order_of_arrival(times: list[float], rng: random.Random) -> None:
    deltas = [delta(number, at, "a", "b") for number, at in enumerate(times)]
    shuffled = list(deltas)
    rng.shuffle(shuffled)
    left, right = folded(deltas), folded(shuffled)
    assert left.popularity == pytest.approx(right.popularity, rel=1e-9)
    assert left.covisits == pytest.approx(right.covisits, rel=1e-9)
    assert (left.at, left.first_at, left.count) == (right.at, right.first_at, right.count)


def test_marks_tell_a_second_delivery_per_source() -> None:
    marks = Marks().add(delta(5, 0))
    assert marks.has(delta(5, 0))
    assert marks.has(delta(3, 0))
    assert not marks.has(delta(6, 0))
    assert not marks.has(delta(5, 0, source="interactions-1"))


def test_neighbours_are_bounded_and_the_strongest_stay() -> None:
    strong = [delta(number, number, "friend") for number in range(5)]
    row = folded([*strong, *(delta(10 + n, 10 + n, f"stranger-{n}") for n in range(NEIGHBOURS + 50))])
    assert len(row.covisits) == NEIGHBOURS
    assert "friend" in row.covisits


def test_only_the_directly_preceding_item_is_a_transition() -> None:
    row = folded([delta(0, 0, "last", "earlier")])
    assert set(row.transitions) == {"last"}
    assert set(row.covisits) == {"last", "earlier"}
