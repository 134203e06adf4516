"""The item table depends on the newest rows alone, is cheap to update, and knows nothing of the future."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.half_lives import POPULARITY_SECONDS, SEGMENT_SECONDS
from features.item_content import content_vector
from features.item_factors import FACTOR_DIMENSIONS, FACTOR_WIDTH, LEAN
from features.statistics import emptied, fold_delta
from features.user_segment import SEGMENTS
from inference.items.categories import CATEGORIES_PER_ITEM
from inference.items.table import KNOWN_COUNT, WAITING_KEPT, ItemTable
from inference.signals.co_occurrence import CoOccurrence
from inference.signals.factors import Factors
from inference.signals.popularity import ItemPopularity
from inference.signals.registry import make_item_table
from inference.signals.segments import SegmentPopularity
from schemas.ids import ItemId
from schemas.items import Item
from schemas.statistics import ItemDelta, ItemStatistics

START = 1_600_000_000.0
DAY = 86_400.0


def rows_of(events: list[tuple[int, int]]) -> list[ItemStatistics]:
    """Return the statistics after each event; an event is an item and the seconds since the event before."""
    rows: dict[str, ItemStatistics] = {}
    history, now, before = [], START, []
    for offset, (number, gap) in enumerate(events):
        now += gap
        name = ItemId(f"i{number}")
        delta = ItemDelta(
            item_id=name,
            source="s",
            offset=offset,
            event_time=now,
            weight=1.0,
            before=tuple((item, 1.0) for item in dict.fromkeys(before[::-1]) if item != name)[:5],
            segment=SEGMENTS[offset * 7 % 3],
        )
        rows[name] = fold_delta(rows.get(name), delta)
        history.append(rows[name])
        before.append(name)
    return history


def table_of(rows: list[ItemStatistics]) -> ItemTable:
    table = make_item_table()
    for row in rows:
        table.put_statistics(row)
    return table


def neighbours(table: ItemTable, kind: str, item: str) -> dict[ItemId, float]:
    number, rows = table.number[ItemId(item)], getattr(table.signal(CoOccurrence), kind)
    [ids], [weights] = rows.around(np.array([number]))
    pairs = zip(ids.tolist(), weights.tolist(), strict=True)
    return {table.ids[other]: weight for other, weight in pairs if weight > 0.0}


EVENTS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 300_000)), min_size=1, max_size=40)


@settings(max_examples=60)
@given(EVENTS)
def test_the_order_of_popularity_is_that_of_the_decayed_counts(events: list[tuple[int, int]]) -> None:
    rows = rows_of(events)
    table = table_of(rows)
    newest = {row.item_id: row for row in rows}
    now = max(row.at for row in rows)
    for index, half_life in enumerate(POPULARITY_SECONDS):
        counts = [
            np.log2(newest[table.ids[number]].popularity[index]) + (newest[table.ids[number]].at - now) / half_life
            for number in table.signal(ItemPopularity).leading(index, 100)
        ]
        assert len(counts) == len(newest)
        assert all(high >= low - 1e-6 for high, low in itertools.pairwise(counts))


@settings(max_examples=60)
@given(EVENTS)
def test_a_pair_is_found_from_both_sides(events: list[tuple[int, int]]) -> None:
    rows = rows_of(events)
    table = table_of(rows)
    for row in {row.item_id: row for row in rows}.values():
        assert set(neighbours(table, "covisited", row.item_id)) == set(row.covisits)
        for earlier in row.covisits:
            assert row.item_id in neighbours(table, "covisiting", earlier)
        for earlier in row.transitions:
            assert row.item_id in neighbours(table, "followed", earlier)


@settings(max_examples=60)
@given(EVENTS)
def test_the_newest_rows_alone_give_the_same_table(events: list[tuple[int, int]]) -> None:
    rows = rows_of(events)
    whole, compacted = table_of(rows), table_of(list({row.item_id: row for row in rows}.values()))
    for kind in ("covisited", "covisiting", "followed"):
        for item in whole.ids:
            left, right = neighbours(whole, kind, item), neighbours(compacted, kind, item)
            assert left.keys() == right.keys()
            assert np.allclose([left[name] for name in left], [right[name] for name in left], rtol=1e-4)


@settings(max_examples=60)
@given(EVENTS, st.randoms())
def test_counts_by_user_segment_are_those_of_the_newest_rows_in_any_order(
    events: list[tuple[int, int]], rng: random.Random
) -> None:
    rows = rows_of(events)
    newest = list({row.item_id: row for row in rows}.values())
    rng.shuffle(newest)
    at = max(row.at for row in rows)
    sums = np.zeros((len(SEGMENTS), len(SEGMENT_SECONDS)))
    for row in newest:
        for name, counts in row.segments.items():
            sums[SEGMENTS.index(name)] += np.array(counts) * np.exp2((row.at - at) / np.array(SEGMENT_SECONDS))
    for table in (table_of(rows), table_of(newest)):
        for row in newest:
            segments = table.signal(SegmentPopularity).counts[..., table.number[row.item_id]]
            assert segments.tolist() == [list(row.segments.get(name, (0.0, 0.0))) for name in SEGMENTS]
        assert np.allclose(table.signal(SegmentPopularity).totals, sums, rtol=1e-9, atol=1e-12)


def test_the_same_row_again_changes_only_the_version() -> None:
    rows = rows_of([(1, 0), (2, 60), (3, 60)])
    once, twice = table_of(rows), table_of([*rows, rows[-1]])
    assert twice.version == once.version
    popularity, again = once.signal(ItemPopularity), twice.signal(ItemPopularity)
    assert np.array_equal(popularity.log_counts, again.log_counts)
    for index in range(len(POPULARITY_SECONDS)):
        assert np.array_equal(popularity.leading(index, 9), again.leading(index, 9))
    for item in once.ids:
        assert neighbours(once, "covisiting", item) == neighbours(twice, "covisiting", item)
    segments, same = once.signal(SegmentPopularity), twice.signal(SegmentPopularity)
    assert np.array_equal(segments.counts, same.counts)
    assert np.allclose(segments.totals, same.totals, rtol=1e-12)


def test_growth_keeps_all_statistics() -> None:
    rows = rows_of([(number, 60) for number in range(600)])
    table = table_of(rows)
    assert len(table) == 600
    assert table.count[:600].tolist() == [1.0] * 600
    assert table.signal(SegmentPopularity).counts[:, 0, :600].sum(axis=0).tolist() == [1.0] * 600
    assert table.signal(SegmentPopularity).totals.sum(axis=0)[1] == pytest.approx(600.0, rel=0.05)
    assert neighbours(table, "covisited", "i1") == pytest.approx(neighbours(table_of(rows[:2]), "covisited", "i1"))


def test_items_need_no_catalogue() -> None:
    table = table_of(rows_of([(1, 0)]))
    assert table.available(ItemId("i1"), START)
    assert (table.title(ItemId("i1")), table.categories(ItemId("i1"))) == ("", ())


def test_attributes_that_are_names_are_read_from_the_catalogue() -> None:
    table = make_item_table()
    attributes = {"brand": "Acme", "length": 90.0, "new": True, "plot": "Long ago and far away. " * 9}
    table.put_item(Item(item_id="i1", attributes=attributes))
    assert table.attributes(ItemId("i1")) == (("brand", "Acme"),)
    assert table.attributes(ItemId("unknown")) == ()


def test_a_catalogue_entry_waits_for_the_first_event_of_its_item() -> None:
    table = make_item_table()
    table.put_item(Item(item_id="i1", title="A teapot", categories=("tea",)))
    assert (len(table), table.available(ItemId("i1"), START)) == (0, False)
    table.put_statistics(rows_of([(1, 0)])[0])
    assert (len(table), table.available(ItemId("i1"), START)) == (1, True)
    assert table.by_category.members("tea").tolist() == [0]


def test_an_item_that_says_from_when_it_is_available_needs_no_events() -> None:
    table = make_item_table()
    table.put_item(Item(item_id="i1", available_from=START, available_until=START + DAY))
    assert [table.available(ItemId("i1"), START + hours * 3_600.0) for hours in (-1, 1, 25)] == [False, True, False]


def test_a_withdrawn_item_comes_back_with_a_new_entry() -> None:
    table = table_of(rows_of([(1, 0)]))
    table.withdraw(ItemId("i1"))
    assert not table.available(ItemId("i1"), START)
    table.put_statistics(rows_of([(1, 0), (1, 60)])[-1])
    assert not table.available(ItemId("i1"), START)
    table.put_item(Item(item_id="i1"))
    assert table.available(ItemId("i1"), START)


def test_a_corrected_entry_moves_the_item_to_its_new_categories() -> None:
    table = table_of(rows_of([(1, 0)]))
    table.put_item(Item(item_id="i1", categories=("tea", "pots")))
    table.put_item(Item(item_id="i1", categories=("pots",)))
    assert [table.by_category.members(name).tolist() for name in ("tea", "pots")] == [[], [0]]
    assert table.categories(ItemId("i1")) == ("pots",)
    table.put_item(Item(item_id="i1", categories=tuple("abcdefghij")))
    assert len(table.by_category.at(np.array([0]))) == CATEGORIES_PER_ITEM


def test_factors_of_unknown_items_are_ignored() -> None:
    table = table_of(rows_of([(1, 0)]))
    rows = np.zeros((2, FACTOR_WIDTH), np.float32)
    rows[:, LEAN] = [[3.0], [2.0]]
    table.signal(Factors).load(table, [ItemId("i9"), ItemId("i1")], rows)
    factors = table.signal(Factors)
    assert factors.at(np.array([0]), factors.affinity(np.array([], np.int64))).tolist() == [2.0]


def test_factors_survive_growth() -> None:
    rows = rows_of([(number, 60) for number in range(300)])
    table = table_of(rows[:1])
    table.signal(Factors).load(table, [ItemId("i0")], np.ones((1, FACTOR_WIDTH), np.float32))
    for row in rows[1:]:
        table.put_statistics(row)
    factors = table.signal(Factors)
    affinities = factors.at(np.arange(300), factors.affinity(np.array([0])))
    assert affinities.tolist() == [FACTOR_DIMENSIONS + 1.0, *[0.0] * 299]


def test_categories_survive_growth() -> None:
    table = make_item_table()
    for number in range(300):
        table.put_item(Item(item_id=ItemId(f"i{number}"), categories=("tea", f"kind-{number % 2}"), available_from=0.0))
    assert table.by_category.members("kind-1").tolist() == list(range(1, 300, 2))
    assert table.by_category.hold("kind-0", np.arange(4)).tolist() == [True, False, True, False]


def test_a_new_neighbour_replaces_the_weakest() -> None:
    popular = rows_of([(0, 0)])
    table = table_of(popular)
    for number in range(1, 400):
        row = fold_delta(
            None,
            ItemDelta(
                item_id=ItemId(f"i{number}"),
                source="s",
                offset=number,
                event_time=START + number * DAY,
                weight=1.0,
                before=((ItemId("i0"), 1.0),),
            ),
        )
        table.put_statistics(row)
    weights = neighbours(table, "covisiting", "i0")
    assert len(weights) == table.signal(CoOccurrence).covisiting.width
    assert "i399" in weights
    assert "i1" not in weights


def test_content_depends_on_the_item_alone() -> None:
    assert not content_vector(Item(item_id="i1")).any()
    vector = content_vector(Item(item_id="i1", title="Green tea", tags=("organic",), text="from Uji"))
    assert np.isclose(vector @ vector, 1.0)


def test_the_leading_items_of_a_category_follow_events_and_entries() -> None:
    table, rows = make_item_table(), {}

    def choose(name: str, times: int) -> None:
        for _ in range(times):
            delta = ItemDelta(item_id=ItemId(name), source="s", offset=0, event_time=START, weight=1.0)
            rows[name] = fold_delta(rows.get(name), delta)
        table.put_statistics(rows[name])

    def describe(name: str, category: str) -> None:
        table.put_item(Item(item_id=ItemId(name), categories=(category,), available_from=0.0))

    for name, times in (("a", 1), ("b", 3), ("c", 2)):
        describe(name, "war")
        choose(name, times)

    def leading(size: int = 2) -> list[str]:
        return [table.ids[number] for number in table.by_category.leading("war", size).tolist()]

    assert leading() == ["b", "c"]
    choose("a", 8)
    assert leading() == ["a", "b"]
    table.withdraw(ItemId("a"))
    assert leading(9) == ["b", "c"]
    describe("d", "war")
    choose("d", 5)
    assert leading() == ["d", "b"]
    describe("b", "peace")
    assert leading() == ["d", "c"]
    assert not len(table.by_category.leading("unknown", 2))
    numbers = np.array([table.number[ItemId(name)] for name in ("b", "c", "d")])
    assert table.by_category.hold("war", numbers).tolist() == [False, True, True]
    assert not table.by_category.hold("unknown", numbers).any()


def test_made_up_ids_take_no_room_until_they_are_known() -> None:
    table = make_item_table()
    table.put_item(Item(item_id=ItemId("real"), available_from=0.0))
    room = len(table.count)
    for number in range(20_000):
        table.put_statistics(row_of(f"made-up-{number}", 1))
    assert len(table) == 1
    assert len(table.count) == room
    assert len(table._waiting) <= WAITING_KEPT


def test_an_unknown_item_is_known_with_its_entry_or_after_a_few_events() -> None:
    table = make_item_table()
    table.put_item(Item(item_id=ItemId("real"), available_from=0.0))
    for count in range(1, KNOWN_COUNT):
        table.put_statistics(row_of("clicked", count))
    table.put_statistics(row_of("described", 1))
    assert table.ids == ["real"]
    table.put_statistics(row_of("clicked", KNOWN_COUNT))
    table.put_item(Item(item_id=ItemId("described")))
    assert table.ids == ["real", "clicked", "described"]
    assert table.count[table.number[ItemId("described")]] == 1


def row_of(name: str, count: int) -> ItemStatistics:
    """Return the row of an item after `count` events."""
    row: ItemStatistics | None = None
    for offset in range(count):
        delta = ItemDelta(item_id=ItemId(name), source="s", offset=offset, event_time=1.6e9 + offset, weight=1.0)
        row = fold_delta(row, delta)
    assert row is not None
    return row


def test_an_item_that_nothing_counts_for_any_more_is_not_popular() -> None:
    rows = rows_of([(0, 0), (1, 60)])
    table = table_of([*rows, emptied(rows[0])])
    assert table.signal(ItemPopularity).leading(0, 9).tolist() == [table.number[ItemId("i1")]]
    assert len(table.signal(ItemPopularity)) == 1
    assert len(table_of([emptied(rows[0])])) == 0
