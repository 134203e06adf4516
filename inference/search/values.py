"""What items are filtered by that is no number: categories, tags, and attributes that are names, dates or yes and no.

An inverted index of pairs of a field and a value. `|` separates several values of one attribute.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator

import numpy as np

from inference.items.postings import Postings
from inference.items.table import Bools, ItemTable, Signal
from inference.search.words import NAME_LENGTH_READ
from schemas.ids import category_key
from schemas.items import Item

VALUES_PER_ITEM = 64
"""Values of an item that are read: categories first, then tags, then attributes in the order in which they stand."""
CATEGORY_FIELD, TAG_FIELD = "categories", "tags"


def field_key(name: str) -> str:
    """Return what all spellings of a field's name share.

    >>> field_key("Screen Size"), field_key("release-date")
    ('screen_size', 'release_date')
    """
    return category_key(name).replace(" ", "_").replace("-", "_")


class FilterValues(Signal):
    """The items of each value of each field.

    >>> values, table = FilterValues(capacity=2), ItemTable(())
    >>> values.describe(table, 1, Item(item_id="i", categories=("Sci-Fi",), attributes={"cast": "Pacino|De Niro"}))
    >>> values.having("cast", ("de niro",), 2).tolist(), sorted(values.values_of("cast"))
    ([False, True], ['de niro', 'pacino'])
    """

    def __init__(self, *, capacity: int) -> None:
        self._values: dict[str, dict[str, int]] = {CATEGORY_FIELD: {}, TAG_FIELD: {}}
        self._postings = Postings()
        self._known = 0
        self._own: dict[int, array[int]] = {}

    @property
    def fields(self) -> Iterable[str]:
        """The fields that any item has had, and those that every item may have."""
        return self._values.keys()

    def describe(self, table: ItemTable, number: int, item: Item) -> None:
        """Take the values of the item's newest catalogue entry."""
        self.withdraw(table, number)
        pairs = list(dict.fromkeys(_pairs(item)))[:VALUES_PER_ITEM]
        own = array("i", (self._number(field, value) for field, value in pairs))
        for value in own:
            self._postings.add(value, number)
        if own:
            self._own[number] = own

    def withdraw(self, table: ItemTable, number: int) -> None:
        """Forget the item's values."""
        for value in self._own.pop(number, ()):
            self._postings.drop(value, number)

    def values_of(self, field: str) -> Iterable[str]:
        """Return the values that any item has had of a field."""
        return self._values.get(field, {}).keys()

    def having(self, field: str, values: Iterable[str], size: int) -> Bools:
        """Return which of the first `size` items have one of these values: bool `[size]`."""
        found = np.zeros(size, np.bool_)
        known = self._values.get(field, {})
        for value in values:
            number = known.get(category_key(value))
            if number is not None:
                items = self._postings.of(number)
                found[items[items < size]] = True
        return found

    def _number(self, field: str, value: str) -> int:
        values = self._values.setdefault(field, {})
        number = values.get(value)
        if number is None:
            number = values[value] = self._known
            self._known += 1
        return number


def _pairs(item: Item) -> Iterator[tuple[str, str]]:
    yield from ((CATEGORY_FIELD, category_key(name)) for name in item.categories)
    yield from ((TAG_FIELD, category_key(name)) for name in item.tags)
    for name, value in item.attributes.items():
        if isinstance(value, bool):
            yield field_key(name), str(value).lower()
        elif isinstance(value, str):
            parts = (category_key(part) for part in value.split("|")[:VALUES_PER_ITEM])
            yield from ((field_key(name), part) for part in parts if 0 < len(part) <= NAME_LENGTH_READ)
