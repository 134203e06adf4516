"""An item with locales is shown to users of these alone; everybody else's lists are as before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.items.locales import ItemLocales
from inference.signals.registry import make_item_table
from schemas.codec import decode, encode
from schemas.errors import DecodeError
from schemas.ids import ItemId
from schemas.items import Item
from schemas.locales import fallbacks
from schemas.topics import ITEMS
from tests.builders import START

LOCALES = st.sampled_from(["de", "DE", "de-AT", "de_at", "fr", "fr-CA", "pt-BR", ""])


@given(st.lists(st.lists(LOCALES.filter(bool), max_size=3), min_size=1, max_size=12), LOCALES)
def test_what_is_excluded_is_what_is_not_shown(items: list[list[str]], locale: str) -> None:
    table = ItemLocales(capacity=2)
    for number, names in enumerate(items):
        if number >= 2:
            table.grow(number + 1)
        table.put(number, ("xx",))
        table.put(number, names)
    wanted = set(fallbacks(locale))
    shown = [not wanted or not names or any(fallbacks(name)[0] in wanted for name in names) for names in items]
    assert [table.shows(number, locale) for number in range(len(items))] == shown
    assert (~table.excluded(locale, len(items))).tolist() == shown


def test_an_item_moves_between_locales_with_its_catalogue_entry() -> None:
    table = make_item_table()
    for locales in ((), ("de",), ("fr", "en-GB"), ()):
        table.put_item(Item(item_id=ItemId("a"), available_from=START, locales=locales))
        assert table.available(ItemId("a"), START, "de-AT") == (not locales or "de" in locales)
        assert table.available(ItemId("a"), START, "en") == (not locales)
        assert table.available(ItemId("a"), START), "whoever has no locale is shown everything"
        assert table.unavailable(START, "fr").tolist() == [locales == ("de",)]
    assert np.array_equal(table.unavailable(START), [False])
    table.put_item(Item(item_id=ItemId("a"), available_from=START, locales=("de",)))
    assert table.availability.locales.names(9) == ("de",)
    table.withdraw(ItemId("a"))
    assert table.availability.locales.names(9) == (), "a withdrawn item names no locale"


def test_the_locales_that_most_items_name_come_first_and_those_of_none_are_gone() -> None:
    table = ItemLocales(capacity=4)
    for number, names in enumerate((("fr", "it"), ("it", "de"), ("de", "it"), ("xx",))):
        table.put(number, names)
    assert table.names(9) == ("it", "de", "fr", "xx")
    table.put(3, ())
    assert table.names(2) == ("it", "de")
    assert "xx" not in table.names(9)


@pytest.mark.parametrize("locale", ["", "  ", "de AT", "d" * 36, "de-", "\u0390"])
def test_what_is_no_language_tag_is_refused(locale: str) -> None:
    with pytest.raises(DecodeError, match="locales"):
        decode(ITEMS, encode(Item(item_id=ItemId("a"), locales=(locale,))), now=START)
