"""Dead letters hold what fits, and say what is missing."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as some

from schemas.codec import MAX_BYTES, decode, encode
from schemas.dead_letters import BEGINNING, DeadLetter
from schemas.errors import DecodeError
from schemas.items import Item
from schemas.topics import DEAD_LETTERS, ITEMS
from streams.log.dead_letters import HEADERS_LIMIT, dead_letter, fitting, open_record
from streams.log.kafka_client import MESSAGE_BYTES_LIMIT
from streams.log.records import Inbound, Message
from tests.builders import item

NOW = 1.7e9


def record(
    value: bytes | None, key: bytes | None = b"k", headers: tuple[tuple[str, bytes | None], ...] = ()
) -> Inbound:
    return Inbound(topic=ITEMS, partition=3, offset=9, key=key, value=value, timestamp=NOW, headers=headers)


def letter_of(record: Inbound) -> DeadLetter:
    message = dead_letter(record, "invalid", "why", NOW)
    assert isinstance(message.value, DeadLetter)
    return message.value


def test_a_letter_holds_the_record_as_it_came() -> None:
    letter = letter_of(record(b"\xff{", None, (("a", b"1"), ("", None))))
    assert (letter.key, letter.value, letter.headers) == (None, b"\xff{", (("a", b"1"), ("", None)))
    assert not letter.truncated
    assert (letter.size, letter.sha256) == (None, "")


def test_the_letter_of_a_large_record_holds_its_beginning_with_size_and_hash() -> None:
    value = bytes(range(256)) * 8_000
    letter = letter_of(record(value, b"k" * 100_000, (("a", b"1"),)))
    assert letter.truncated
    assert letter.value == value[:BEGINNING]
    assert letter.key == b"k" * BEGINNING
    assert (letter.size, letter.sha256, letter.headers) == (len(value), sha256(value).hexdigest(), ())


def test_too_many_headers_are_not_kept() -> None:
    assert letter_of(record(b"x", headers=(("h", b""),) * HEADERS_LIMIT)).headers != ()
    assert letter_of(record(b"x", headers=(("h", b""),) * (HEADERS_LIMIT + 1))).truncated


def test_a_record_without_a_value_has_a_letter_without_one() -> None:
    letter = letter_of(record(None, headers=(("h", b"x" * 2_000_000),)))
    assert (letter.value, letter.truncated, letter.size) == (None, True, 0)


_headers = some.lists(some.tuples(some.text(), some.none() | some.binary()), max_size=5).map(tuple)


@given(some.none() | some.binary(), some.none() | some.binary(), _headers, some.integers(0, 1_000_000))
def test_every_letter_fits_and_is_read_as_it_was_written(
    key: bytes | None, value: bytes | None, headers: tuple[tuple[str, bytes | None], ...], more: int
) -> None:
    letter = letter_of(record(value and value + b"\x00" * more, key, headers))
    written = encode(letter)
    assert len(written) <= MESSAGE_BYTES_LIMIT
    assert decode(DEAD_LETTERS, written, now=NOW) == letter


@pytest.mark.parametrize("name", ["\x01" * 160_000, "é" * 160_000, "\U0001f600" * 160_000])
def test_headers_whose_names_grow_in_json_fit_too(name: str) -> None:
    assert len(encode(letter_of(record(b"x", headers=((name, b"y"),))))) <= MESSAGE_BYTES_LIMIT


@pytest.mark.parametrize("key", [None, b"", b"\xff", b" ", b"a\x00", b"k" * 257])
def test_a_tombstone_needs_the_id_of_an_item_as_its_key(key: bytes | None) -> None:
    with pytest.raises(DecodeError) as refused:
        open_record(record(None, key), now=NOW)
    assert refused.value.reason == "wrong-key"


def test_a_key_other_than_that_of_the_value_is_a_wrong_key() -> None:
    value = encode(item("i1"))
    assert isinstance(open_record(record(value, b"i1"), now=NOW), Item)
    for key in (None, b"i2", b"I1", b"i1 ", b"\xff"):
        with pytest.raises(DecodeError) as refused:
            open_record(record(value, key), now=NOW)
        assert refused.value.reason == "wrong-key"


def test_a_message_too_large_for_its_readers_is_published_as_a_dead_letter() -> None:
    usual = Message(ITEMS, "i1", item("i1"))
    assert fitting(usual) == (usual, encode(item("i1")))
    large = item("i1", text="x" * (MAX_BYTES + 1))
    message, value = fitting(Message(ITEMS, "i1", large))
    assert message.topic == DEAD_LETTERS
    assert isinstance(message.value, DeadLetter)
    assert message.value.reason == "too-large"
    assert message.value.sha256 == sha256(encode(large)).hexdigest()
    assert value is not None
    assert len(value) < MESSAGE_BYTES_LIMIT


def test_a_withdrawal_has_nothing_that_could_be_too_large() -> None:
    withdrawal = Message(ITEMS, "i1", None)
    assert fitting(withdrawal) == (withdrawal, None)
