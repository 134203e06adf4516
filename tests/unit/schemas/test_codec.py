"""The decoder never crashes, and names the reason of each refusal."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.codec import MAX_BYTES, decode, encode
from schemas.errors import DecodeError
from schemas.interactions import Rating
from schemas.topics import BY_NAME, INTERACTIONS, TOPICS
from tests.builders import START, click, impression, item

NOW = START + 100.0
VALID = encode(click("ann", "war-0"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def decode_or_refuse(topic: str, value: bytes | None) -> None:
    with suppress(DecodeError):
        decode(topic, value, now=NOW)


@given(st.sampled_from([topic.name for topic in TOPICS]), st.binary(max_size=200))
@example(INTERACTIONS, b'{"a":' * 100_000)
@example(INTERACTIONS, b"[" * 100_000)
@example(INTERACTIONS, b'{"type":"click","event_time":1e999}')
@example(INTERACTIONS, b'"\\ud800"')
def test_random_bytes_are_refused_or_decoded_but_never_crash(topic: str, value: bytes) -> None:
    decode_or_refuse(topic, value)


@given(st.integers(0, len(VALID) - 1), st.integers(0, 255), st.integers(0, len(VALID)))
def test_a_valid_message_with_a_byte_changed_and_its_end_cut_never_crashes(at: int, byte: int, end: int) -> None:
    mutated = bytearray(VALID)
    mutated[at] = byte
    decode_or_refuse(INTERACTIONS, bytes(mutated[:end]))


@given(st.sampled_from(sorted(json.loads(VALID))), json_values)
def test_a_valid_message_with_any_value_in_a_field_never_crashes(field: str, value: object) -> None:
    decode_or_refuse(INTERACTIONS, json.dumps(json.loads(VALID) | {field: value}).encode())


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b"x" * (MAX_BYTES + 1), "too-large"),
        (b"\xff", "not-json"),
        (b"{}", "invalid"),
        (VALID.replace(b'"click"', b'"hug"'), "invalid"),
        (VALID.replace(str(START).encode(), b"12.0"), "absurd-time"),
        (VALID.replace(str(START).encode(), b"9e9"), "absurd-time"),
    ],
)
def test_each_kind_of_invalid_record_has_its_reason_code(value: bytes | None, reason: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(INTERACTIONS, value, now=NOW)
    assert caught.value.reason == reason


def test_a_topic_that_is_not_in_the_table_is_refused() -> None:
    with pytest.raises(DecodeError, match="'gossip' is none of"):
        decode("gossip", b"{}", now=NOW)


@pytest.mark.parametrize("record", [click("ann", "war-0"), impression("ann", ("a", "b"), "list-1")])
def test_what_is_encoded_decodes_to_the_same(record: object) -> None:
    assert decode(INTERACTIONS, encode(record), now=NOW) == record  # type: ignore[arg-type]


def test_unknown_fields_are_ignored_and_integers_are_times_too() -> None:
    value = b'{"type":"rating","event_id":"e","user_id":"u","event_time":1700000000,"item_id":"i","value":4,"new":{}}'
    decoded = decode(INTERACTIONS, value, now=NOW)
    assert isinstance(decoded, Rating)
    assert decoded.event_time == START


def test_an_item_round_trips() -> None:
    assert decode("items", encode(item("war-0", "war")), now=NOW) == item("war-0", "war")


def test_every_topic_of_the_table_has_a_name_of_its_own() -> None:
    assert len(BY_NAME) == len(TOPICS)
