"""Facts of items as arrays: which names are kept of an item, and what is left of those that no item has."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from features.outside_knowledge import SourcedFact, Span
from inference.items.outside_facts import ALL_TIME, NAMES_PER_ITEM, OutsideFacts

CAPACITY = 8
NOW = 1e9


def name(attribute: str, value: Any, trust: float = 0.5, source: str = "studio") -> tuple[SourcedFact, Span]:
    return SourcedFact(attribute, value, source, trust, 0.0, *ALL_TIME), ALL_TIME


def names_of(facts: OutsideFacts, item: int) -> set[tuple[str, str]]:
    return {facts.name(int(number)) for number in facts.names_of(item, NOW)}


def put(*believed: tuple[SourcedFact, Span]) -> set[tuple[str, str]]:
    facts = OutsideFacts(())
    facts.put(0, believed, capacity=CAPACITY)
    return names_of(facts, 0)


def test_a_large_cast_does_not_keep_out_the_director_nor_the_genres() -> None:
    cast = [name("cast", f"actor {number}") for number in range(40)]
    genres = [name("genre", f"genre {number}") for number in range(5)]
    kept = put(*cast, name("director", "Mann"), *genres)
    assert len(kept) == NAMES_PER_ITEM
    assert {attribute for attribute, _ in kept} == {"cast", "director", "genre"}
    assert sum(attribute == "genre" for attribute, _ in kept) == 5


def test_of_too_many_attributes_those_of_trusted_sources_are_kept() -> None:
    noise = [name(f"a{number:02}", "x", trust=0.1, source="fans") for number in range(NAMES_PER_ITEM)]
    kept = put(*noise, name("zeta", "Mann", trust=0.9))
    assert ("zeta", "Mann") in kept
    assert len(kept) == NAMES_PER_ITEM


def test_a_name_that_is_said_twice_takes_one_slot() -> None:
    cast = [name("cast", f"actor {number}") for number in range(NAMES_PER_ITEM - 1)]
    assert ("director", "Mann") in put(*cast, name("cast", "Actor  0"), name("director", "Mann"))


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.integers(0, 30), st.sampled_from((0.1, 0.5, 0.9))),
        max_size=90,
        unique_by=lambda row: row[:2],
    )
)
def test_no_name_is_left_out_for_one_further_down_in_another_attribute(drawn: list[tuple[str, int, float]]) -> None:
    believed = [name(attribute, str(value), trust) for attribute, value, trust in drawn]
    kept = put(*believed)
    assert len(kept) == min(len(drawn), NAMES_PER_ITEM)
    trusts: dict[str, list[tuple[bool, float]]] = {}
    for attribute, value, trust in drawn:
        trusts.setdefault(attribute, []).append(((attribute, str(value)) in kept, trust))
    # Within an attribute the more trusted are kept; between attributes nobody has two more than one that was cut short.
    for own in trusts.values():
        assert min((t for is_kept, t in own if is_kept), default=inf) >= max(
            (t for is_kept, t in own if not is_kept), default=-inf
        )
    most = max((sum(is_kept for is_kept, _ in own) for own in trusts.values()), default=0)
    cut = [sum(is_kept for is_kept, _ in own) for own in trusts.values() if not all(is_kept for is_kept, _ in own)]
    assert all(most - count <= 1 for count in cut)


def test_a_name_is_shared_once_at_any_time_however_often_it_is_said() -> None:
    facts = OutsideFacts(())
    first, second = name("director", "Mann"), name("director", "MANN", trust=0.9, source="press")
    facts.put(0, [(first[0], (0.0, 10.0)), (first[0], (5.0, 20.0)), (second[0], (20.0, 30.0))], capacity=CAPACITY)
    at = [(facts.names_at(np.array([0]), np.full((1, 1), now)) > 0).sum() for now in (-1.0, 7.0, 20.0, 30.0)]
    assert at == [0, 1, 1, 0]


names = st.lists(st.tuples(st.sampled_from(("director", "cast")), st.integers(0, 6)), max_size=5)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, CAPACITY - 1), names), max_size=30))
def test_names_that_no_item_has_are_let_go_and_the_others_stay_what_they_are(drawn: list[Any]) -> None:
    facts, expected, most = OutsideFacts(()), dict[int, set[tuple[str, str]]](), 0
    for item, said in drawn:
        facts.put(item, [name(attribute, str(value)) for attribute, value in said], capacity=CAPACITY)
        before = set().union(*expected.values())
        expected[item] = {(attribute, str(value)) for attribute, value in said}
        most = max(most, len(before | expected[item]))
        for each, own in expected.items():
            assert names_of(facts, each) == own
            counts = facts.counts(facts.names_of(each, NOW)).tolist()
            numbers = facts.names_of(each, NOW).tolist()
            assert counts == [sum(facts.name(n) in other for other in expected.values()) for n in numbers]
    assert facts.size == sum(bool(own) for own in expected.values())
    assert all(facts.names_of(item, NOW).max(initial=0) <= most for item in expected)


def test_a_fact_that_changes_daily_takes_no_more_memory_than_one() -> None:
    facts = OutsideFacts(())
    for day in range(1_000):
        facts.put(0, [name("chart place", f"day {day}")], capacity=CAPACITY)
    assert names_of(facts, 0) == {("chart place", "day 999")}
    assert facts.names_of(0, NOW).max() <= 2


def test_a_withdrawn_number_is_known_of_no_item() -> None:
    facts = OutsideFacts(("released",))
    assert not facts.has("released")
    facts.put(1, [name("released", 5.0)], capacity=CAPACITY)
    facts.put(2, [name("released", 6.0)], capacity=CAPACITY)
    facts.put(1, [], capacity=CAPACITY)
    assert facts.has("released")
    assert np.isnan(facts.numbers["released"].at(np.array([1]), np.array([NOW]))).all()
    facts.put(2, [], capacity=CAPACITY)
    assert not facts.has("released")
