"""Item statistics do not depend on the order of arrival, and no delta counts twice."""

from __future__ import annotations

import random
from math import exp2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.half_lives import SEGMENT_SECONDS
from features.statistics import NEIGHBOURS, FoldedOffsets, fold_delta
from features.user_segment import SEGMENTS
from schemas.codec import decode, encode
from schemas.ids import ItemId
from schemas.statistics import ItemDelta, ItemStatistics, Segment
from schemas.topics import ITEM_DELTAS
from tests.builders import START


def delta(
    offset: int, at: float, *before: str, source: str = "interactions-0", segment: Segment | None = None
) -> ItemDelta:
    return ItemDelta(
        item_id=ItemId("i"),
        source=source,
        offset=offset,
        event_time=START + at,
        weight=1.0,
        before=tuple((ItemId(name), 10.0) for name in before),
        segment=segment,
    )


def folded(deltas: list[ItemDelta]) -> ItemStatistics:
    row: ItemStatistics | None = None
    for item_delta in deltas:
        row = fold_delta(row, item_delta)
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


EVENTS = st.lists(st.tuples(st.floats(0, 5_000_000), st.sampled_from([None, *SEGMENTS])), min_size=1, max_size=40)


@given(EVENTS, st.randoms())
def test_counts_by_user_segment_are_decayed_sums_in_any_order(
    events: list[tuple[float, Segment | None]], rng: random.Random
) -> None:
    shuffled = list(events)
    rng.shuffle(shuffled)
    row = folded([delta(number, at, segment=name) for number, (at, name) in enumerate(shuffled)])
    newest = max(at for at, _ in events)
    assert set(row.segments) == {name for _, name in events} - {None}
    for name, counts in row.segments.items():
        times = [at for at, segment in events if segment == name]
        direct = [sum(exp2((at - newest) / half_life) for at in times) for half_life in SEGMENT_SECONDS]
        assert counts == pytest.approx(direct, rel=1e-6)


def test_a_delta_without_a_segment_counts_in_none_and_ages_the_others() -> None:
    row = fold_delta(folded([delta(0, 0, segment="new")]), delta(1, SEGMENT_SECONDS[0]))
    assert row.count == 2
    assert row.segments == {"new": pytest.approx((0.5, exp2(-0.1)))}


def test_a_delta_without_a_segment_field_still_decodes() -> None:
    written = encode(delta(0, 0, segment="new")).replace(b'"situation":"new"', b'"unheard_of":"new"')
    decoded = decode(ITEM_DELTAS, written, now=START * 2)
    assert isinstance(decoded, ItemDelta)
    assert decoded.segment is None


def test_folded_offsets_recognise_a_second_delivery_per_source() -> None:
    folded_offsets = FoldedOffsets().add(delta(5, 0))
    assert folded_offsets.has(delta(5, 0))
    assert folded_offsets.has(delta(3, 0))
    assert not folded_offsets.has(delta(6, 0))
    assert not folded_offsets.has(delta(5, 0, source="interactions-1"))


def test_neighbours_are_bounded_and_the_strongest_stay() -> None:
    strong = [delta(number, number, "frequent") for number in range(5)]
    row = folded([*strong, *(delta(10 + n, 10 + n, f"rare-{n}") for n in range(NEIGHBOURS + 50))])
    assert len(row.covisits) == NEIGHBOURS
    assert "frequent" in row.covisits


def test_only_the_directly_preceding_item_is_a_transition() -> None:
    row = folded([delta(0, 0, "last", "earlier")])
    assert set(row.transitions) == {"last"}
    assert set(row.covisits) == {"last", "earlier"}
