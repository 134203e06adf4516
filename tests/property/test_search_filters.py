"""Filters from outside: read, or refused with the character at fault; nothing else happens."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from inference.search.conditions import matching_items
from inference.search.filters import MAX_FILTER_LENGTH, parse_boosts, parse_filter
from inference.search.index import SearchIndex
from inference.search.query import ItemQuery
from schemas.errors import BadFilter
from schemas.items import Item

INDEX = SearchIndex()
for _film in (
    Item(item_id="heat", title="Heat (1995)", categories=("Crime",), price=9.0, attributes={"director": "Mann"}),  # type: ignore[arg-type]
    Item(item_id="airplane", title="Airplane!", categories=("Comedy",), tags=("spoof",)),  # type: ignore[arg-type]
):
    INDEX.put_item(_film)
PARTS = some.sampled_from(
    [
        *("categories", "price", "item_id", "available_from", "heat", "9", "-1", "nan", "inf", "1e400", "2026-12-31"),
        *("and", "or", "not", "in", "(", ")", ",", ":", "=", "!=", "<", "<=", ">", ">=", "*", "^", '"', "'", "\\"),
        *("__class__", "exec", "🙂", "\x00", "'a b'", '"x"', " "),
    ]
)
JOINED = some.lists(PARTS, max_size=14)
TEXTS = some.text(max_size=60) | JOINED.map(" ".join) | JOINED.map("".join)
VALUES = some.text(min_size=1, max_size=12)


def fault(run: Callable[[], object]) -> BadFilter | None:
    try:
        run()
    except BadFilter as exc:
        return exc
    return None


@given(TEXTS)
@settings(max_examples=400)
def test_any_text_is_read_or_refused_with_a_position(text: str) -> None:
    for parse in (parse_filter, parse_boosts):
        refused = fault(partial(parse, text))
        if refused is not None:
            assert 0 <= refused.at <= len(text)
            assert f"character {refused.at + 1}" in str(refused)


@given(TEXTS)
@settings(max_examples=200)
def test_any_filter_is_searched_or_refused(text: str) -> None:
    for query in (ItemQuery(matching=text), ItemQuery(boosts=text), ItemQuery(words=text)):
        refused = fault(partial(INDEX.search, query))
        assert refused is None or 0 <= refused.at <= len(text)


@given(VALUES, VALUES)
def test_a_value_in_quotes_is_compared_as_it_is(field: str, value: str) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    read = parse_filter(f"{quoted(field)} = {quoted(value)}")
    assert (read.field, read.values) == (field, (value,))


@given(some.lists(some.sampled_from(["categories:Crime", "price > 8", "tags:spoof", "item_id:heat"]), min_size=2))
def test_not_and_or_are_those_of_logic(parts: list[str]) -> None:
    left, right = parts[0], parts[1]

    def items(text: str) -> list[bool]:
        matching: list[bool] = matching_items(parse_filter(text), INDEX.table).tolist()
        return matching

    assert items(f"not ({left} and {right})") == items(f"not {left} or not {right}")
    assert items(f"{left} or {right} and {left}") == items(f"{left} or ({right} and {left})")


@pytest.mark.parametrize(
    "text", ["(" * 500 + "a:b" + ")" * 490, "not " * 240 + "a:b", "a:b" * (MAX_FILTER_LENGTH // 3 + 1)]
)
def test_what_is_long_or_deep_is_refused(text: str) -> None:
    with pytest.raises(BadFilter):
        parse_filter(text)
