"""What is read of an item: however a catalogue writes prices, years, lengths and ages."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.item_facts import MOST_ATTRIBUTES, MOST_FACTS, age_of, known_of
from schemas.items import Item

FACTS: list[tuple[dict[str, Any], dict[str, float]]] = [
    ({"price": 9.5}, {"price": 9.5}),
    ({"title": "Heat (1995)"}, {"year": 1995.0}),
    ({"title": "2001: A Space Odyssey"}, {}),
    ({"title": "Heat (1995)", "attributes": {"release_date": "1996-01-02"}}, {"year": 1996.0}),
    ({"attributes": {"Release Year": 2003.0}}, {"year": 2003.0}),
    ({"attributes": {"runtime": "1h 30m"}}, {"length": 90.0}),
    ({"attributes": {"duration": "95 min"}}, {"length": 95.0}),
    ({"attributes": {"length": "2 hours"}}, {"length": 120.0}),
    ({"attributes": {"runtime": 0.0}}, {}),
    ({"attributes": {"content_rating": "TV-MA"}}, {"age": 17.0}),
    ({"attributes": {"fsk": 12.0}}, {"age": 12.0}),
    ({"attributes": {"content_rating": "unrated"}}, {}),
    ({"attributes": {"Rating": 7.5, "new": True, "brand": "Acme"}}, {"rating": 7.5}),
]


@pytest.mark.parametrize(("fields", "facts"), FACTS)
def test_facts_are_read_as_catalogues_write_them(fields: dict[str, Any], facts: dict[str, float]) -> None:
    assert known_of(Item(item_id="i", **fields)).facts == facts


@pytest.mark.parametrize(("rating", "age"), [("FSK 16", 16), ("12A", 12), ("18+", 18), ("PG", 8), ("PEGI 7", 7)])
def test_age_ratings_of_many_systems_are_ages(rating: str, age: float) -> None:
    assert age_of(rating) == age


VALUES = st.text(max_size=20) | st.floats(-1e12, 1e12) | st.booleans()


@given(st.dictionaries(st.text(max_size=12), VALUES, max_size=40), st.text(max_size=30))
def test_any_attributes_are_read_within_bounds(attributes: dict[str, Any], title: str) -> None:
    known = known_of(Item(item_id="i", title=title, attributes=attributes))
    assert len(known.facts) <= MOST_FACTS
    assert len(known.attributes) <= MOST_ATTRIBUTES
    assert all(isinstance(value, float) for value in known.facts.values())
