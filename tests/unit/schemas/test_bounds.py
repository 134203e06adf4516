"""Values that are too large are refused with a readable message; usual ones are accepted."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.bounds import LARGEST_AMOUNT, LARGEST_COUNT, Amount, Count, DecayedCount, NonNegative, Sum
from schemas.codec import decode
from schemas.errors import DecodeError
from schemas.topics import INTERACTIONS, ITEMS

USUAL_EVENT = {"type": "like", "event_id": "e", "user_id": "u", "event_time": 1.6e9, "item_id": "i"}


@pytest.mark.parametrize("kind", [Amount, Count, NonNegative, Sum, DecayedCount])
@pytest.mark.parametrize("text", [b"1e400", b"-1e400", b"1.7e308", b"NaN", b"Infinity", b"9" * 400])
def test_numbers_are_finite_and_too_small_to_overflow_a_sum(kind: Any, text: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(text, type=kind)


@given(st.floats(0.0, LARGEST_COUNT))
def test_usual_numbers_are_accepted_unchanged(value: float) -> None:
    for kind in (Amount, Count, NonNegative, Sum, DecayedCount):
        assert msgspec.json.decode(msgspec.json.encode(value), type=kind) == value


@given(st.floats(LARGEST_AMOUNT, 1e15, exclude_min=True))
def test_a_value_just_beyond_the_bound_is_refused(value: float) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(value, Amount)


@pytest.mark.parametrize("field", ["event_id", "user_id", "item_id", "session_id", "list_id"])
@pytest.mark.parametrize("value", ["\x00", "a\nb", "x" * 257])
def test_a_refusal_is_explained_without_a_regular_expression(field: str, value: str) -> None:
    with pytest.raises(DecodeError) as refused:
        decode(INTERACTIONS, msgspec.json.encode(USUAL_EVENT | {field: value}), now=1.7e9)
    assert field in str(refused.value)
    assert "regex" not in str(refused.value)
    assert "(?" not in str(refused.value)


@pytest.mark.parametrize("field", ["device", "surface", "place", "locale"])
def test_a_huge_context_is_refused(field: str) -> None:
    with pytest.raises(DecodeError, match=field):
        decode(INTERACTIONS, msgspec.json.encode(USUAL_EVENT | {"context": {field: "x" * 890_000}}), now=1.7e9)


def test_a_catalogue_entry_of_usual_size_is_accepted() -> None:
    entry = {"item_id": "i", "title": "t" * 300, "text": "x" * 20_000, "tags": ["a"] * 50, "attributes": {"a": 1.5}}
    assert decode(ITEMS, msgspec.json.encode(entry), now=1.7e9).item_id == "i"
