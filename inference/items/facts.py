"""What is known of the items of a table, by item number: facts to set limits to, and attributes."""

from __future__ import annotations

from collections.abc import Iterable
from sys import intern

import numpy as np
from numpy.typing import NDArray

from features.attribute_values import AttributeValues
from features.item_facts import FACTS, Known, known_of
from schemas.items import Item
from schemas.plans import Limit

KEPT_FACTS = 32
"""How many different facts of items are kept: four bytes per item each. Further names are ignored."""

Bools = NDArray[np.bool_]


class ItemFacts:
    """Facts as columns, float32 `[items]` each, where nothing is known NaN; and the named attributes of each item.

    A column begins with the first item that has the fact; `values` says which items have which value of an attribute.

    >>> facts = ItemFacts(capacity=2)
    >>> facts.put(1, Item(item_id="i", price=9.5))
    >>> facts.beyond((Limit(fact="price", at_most=5.0),), 2).tolist()
    [True, True]
    >>> facts.names
    ('price',)
    """

    def __init__(self, *, capacity: int) -> None:
        self._capacity = capacity
        self._columns: dict[str, NDArray[np.float32]] = {}
        self.values = AttributeValues()

    @property
    def names(self) -> tuple[str, ...]:
        """The facts that are known of any item."""
        return tuple(self._columns)

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` items."""
        more = np.full(capacity - self._capacity, np.nan, np.float32)
        self._columns = {name: np.concatenate([column, more]) for name, column in self._columns.items()}
        self._capacity = capacity

    def put(self, number: int, item: Item) -> None:
        """Take the newest catalogue entry of an item."""
        known = known_of(item)
        for name in known.facts:
            if name not in self._columns and (name in FACTS or len(self._columns) < KEPT_FACTS):
                self._columns[name] = np.full(self._capacity, np.nan, np.float32)
        for name, column in self._columns.items():
            column[number] = known.facts.get(name, np.nan)
        self.values.put(number, _interned(known))

    def column(self, fact: str, size: int) -> NDArray[np.float32]:
        """Return the fact of the first `size` items, where nothing is known NaN: float32 `[size]`."""
        column = self._columns.get(fact)
        return np.full(size, np.nan, np.float32) if column is None else column[:size]

    def value(self, number: int, fact: str) -> float | None:
        """Return the item's fact, none if it is unknown."""
        column = self._columns.get(fact)
        return None if column is None or np.isnan(column[number]) else float(column[number])

    def attributes(self, number: int) -> tuple[tuple[str, str], ...]:
        """Return the item's attributes that are names, such as a brand."""
        return self.values.attributes(number)

    def holders(self, attribute: str, value: str) -> NDArray[np.int64]:
        """Return the numbers of the items of which an attribute has this value, or lists it (`|` between several),
        ascending: int64 `[holders]`.
        """
        return np.array(self.values.holders(attribute, value), np.int64)

    def beyond(self, limits: Iterable[Limit], size: int) -> Bools:
        """Return which of the first `size` items are not known to keep within all limits: bool `[size]`.

        An item of which a limited fact is unknown is beyond the limit: it cannot be shown to keep it.
        """
        beyond = np.zeros(size, np.bool_)
        for limit in limits:
            column = self._columns.get(limit.fact)
            if column is None:
                return np.ones(size, np.bool_)
            beyond |= ~_within(column[:size], limit)
        return beyond

    def keeps(self, number: int, limits: Iterable[Limit]) -> bool:
        """Return whether the item is known to keep within all limits, as in `beyond`."""
        return all(
            limit.fact in self._columns and bool(_within(self._columns[limit.fact][number], limit)) for limit in limits
        )


def _within(values: NDArray[np.float32] | np.float32, limit: Limit) -> Bools:
    """Return which values keep the limit; limits are rounded as the values are, so that equal numbers stay equal."""
    low = np.float32(-np.inf if limit.at_least is None else limit.at_least)
    high = np.float32(np.inf if limit.at_most is None else limit.at_most)
    return np.asarray((values >= low) & (values <= high))


def _interned(known: Known) -> tuple[tuple[str, str], ...]:
    """Return the attributes with one copy of every name and value: most items share them with others."""
    return tuple((intern(name), intern(value)) for name, value in known.attributes)
