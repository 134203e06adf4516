"""The index of values of attributes is what a look at every item would find, whatever order items change in."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from features.attribute_values import AttributeValues, name_key
from features.item_rules import is_of, names_in
from schemas.codec import encode
from schemas.instructions import Excepted

VALUES = st.lists(st.text("aB &|\t.\x1b\x85é", max_size=5) | st.sampled_from(["Al Pacino", "al  pacino|B"]), max_size=2)
ATTRIBUTES = VALUES.map(lambda values: tuple(zip(("cast", "brand"), values, strict=False)))


@given(st.lists(st.tuples(st.integers(0, 3), ATTRIBUTES), max_size=8))
def test_it_is_what_a_look_at_every_item_finds(puts: list[tuple[int, tuple[tuple[str, str], ...]]]) -> None:
    index, items = AttributeValues(), dict[int, tuple[tuple[str, str], ...]]()
    for number, attributes in puts:
        index.put(number, attributes)
        items[number] = attributes
    pairs = {(name, key) for own in items.values() for name, value in own for key in names_in(value)}
    for attribute, key in pairs | {("cast", "gone")}:
        own = [n for n, its in items.items() if any(a == attribute and key in names_in(v) for a, v in its)]
        assert index.holders(attribute, key).tolist() == sorted(own)
    names = {word_key for _, key in pairs for word_key in [name_key(key)] if index.of(word_key)}
    for word in {word for name in names for word in name.split()}:
        assert index.with_words(word) == sorted(name for name in names if word in name.split())
    assert {name for name in index.with_words("a")} <= names
    for name in names:
        for found in index.of(name):
            excepted = Excepted(subject="attribute", attribute=found.attribute, value=found.value)
            assert msgspec.json.decode(encode(excepted), type=Excepted) == excepted
            assert any(is_of(excepted, "i", (), its) for its in items.values())
