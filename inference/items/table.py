"""A worker's own view of the catalogue and the item statistics: items by number, and a registry of signals about them.

Records change the table one by one: it numbers the items, and passes each catalogue entry and each row of statistics on
to every signal, which keeps its own arrays by item number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from features.item_facts import known_of
from features.statistics import people_of
from inference.items.availability import Availability
from inference.items.categories import ItemCategories
from inference.items.facts import ItemFacts
from inference.items.scores import Summing
from schemas.ids import ItemId
from schemas.items import Item
from schemas.statistics import ItemStatistics

KNOWN_COUNT = 3
"""Events that an item outside a non-empty catalogue needs before it is recommended."""
KNOWN_PEOPLE = 0.99
"""And people, by the weight of their accounts: three new ones, or two that are known."""
WAITING_KEPT = 2_000
"""Statistics kept of items that are not known yet; the oldest is dropped, and comes again with its next event."""
_CAPACITY = 256

Numbers = NDArray[np.int64]
Bools = NDArray[np.bool_]
Doubles = NDArray[np.float64]


class Signal:
    """One respect in which items are known, such as their popularity: arrays by item number, updated record by record.

    The table calls the methods below; each does nothing unless a signal overrides it. Arrays have one row per number;
    those beyond `len(table)` are spare.
    """

    def __init__(self, *, capacity: int) -> None:
        """Make room for `capacity` items."""

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` items; existing rows stay."""

    def add(self, table: ItemTable, number: int) -> None:
        """Take note of a new item; `table.ids` has it already."""

    def describe(self, table: ItemTable, number: int, item: Item) -> None:
        """Take the newest catalogue entry of an item."""

    def withdraw(self, table: ItemTable, number: int) -> None:
        """Take note that an item left the catalogue."""

    def update(self, table: ItemTable, number: int, row: ItemStatistics) -> None:
        """Take the newest statistics of an item. `table.count`, `last_at` and `newest_at` are those before the row."""


AnySignal = TypeVar("AnySignal", bound=Signal)


class ItemTable:
    """Items by number, in the order in which they became known as choosable, and the signals about them.

    `version` counts the contributions that all rows hold, so it goes on where it was after a restart; `newest_at` is
    the newest event time among them. `count`, `first_at` and `last_at`, `[items]`, are of each item's choices.

    An item gets its number with its first statistics, or with a catalogue entry that says from when it is available.
    Before that its entry only waits: an item that nobody has met and that nobody has released changes no list. Where
    there is a catalogue, an item that is not in it waits for `KNOWN_COUNT` events of `KNOWN_PEOPLE`, so that made-up
    ids cost nothing.

    >>> table = ItemTable(())
    >>> table.put_item(Item(item_id="i1", title="A teapot", available_from=0.0))
    >>> len(table), table.title(ItemId("i1"))
    (1, 'A teapot')
    """

    def __init__(self, signals: Iterable[type[Signal]]) -> None:
        self.version = 0
        self.newest_at = 0.0
        self.ids: list[ItemId] = []
        self.number: dict[ItemId, int] = {}
        self.catalogue: dict[ItemId, Item] = {}
        self._waiting: dict[ItemId, ItemStatistics] = {}
        self.count: Doubles = np.zeros(_CAPACITY)
        self.first_at: Doubles = np.zeros(_CAPACITY)
        self.last_at: Doubles = np.zeros(_CAPACITY)
        self.summing = Summing(capacity=_CAPACITY)
        self.availability = Availability(capacity=_CAPACITY)
        self.by_category = ItemCategories(capacity=_CAPACITY)
        self.facts = ItemFacts(capacity=_CAPACITY)
        self._signals = {kind: kind(capacity=_CAPACITY) for kind in signals}

    def __len__(self) -> int:
        """Return how many items have a number."""
        return len(self.ids)

    def signal(self, kind: type[AnySignal]) -> AnySignal:
        """Return the signal of this class.

        Raises:
            KeyError: the table was made without it.
        """
        return cast(AnySignal, self._signals[kind])

    def title(self, item: ItemId) -> str:
        """Return the item's title, empty if the catalogue does not know it."""
        entry = self.catalogue.get(item)
        return entry.title if entry else ""

    def titles(self) -> Iterator[tuple[ItemId, str]]:
        """Yield every known item with its title, empty where the catalogue does not know it."""
        yield from ((item, entry.title) for item, entry in self.catalogue.items())
        yield from ((item, "") for item in self.ids if item not in self.catalogue)

    def categories(self, item: ItemId) -> tuple[str, ...]:
        """Return the item's categories, each in its first spelling; none if the catalogue does not know it."""
        entry = self.catalogue.get(item)
        return tuple(map(self.by_category.spelled, entry.categories)) if entry else ()

    def attributes(self, item: ItemId) -> tuple[tuple[str, str], ...]:
        """Return the item's attributes that are names, such as a brand; numbers and descriptions are left out."""
        number, entry = self.number.get(item), self.catalogue.get(item)
        if number is not None:
            return self.facts.attributes(number)
        return known_of(entry).attributes if entry else ()

    def fact(self, item: ItemId, name: str) -> float | None:
        """Return a fact of the item as `facts` holds it, in float32; none if it is unknown."""
        number, entry = self.number.get(item), self.catalogue.get(item)
        if number is not None:
            return self.facts.value(number, name)
        value = known_of(entry).facts.get(name) if entry else None
        return None if value is None else float(np.float32(value))

    def available(self, item: ItemId, now: float, locale: str = "") -> bool:
        """Return whether the item may be shown at this time, to a user of this locale."""
        number = self.number.get(item)
        return number is not None and self.availability.shows(number, now, locale)

    def unavailable(self, now: float, locale: str = "") -> Bools:
        """Return which items may not be shown at this time, to a user of this locale, `[items]`; a fresh array."""
        return self.availability.unavailable(len(self.ids), now=now, locale=locale)

    def put_item(self, item: Item) -> None:
        """Take the newest catalogue entry of an item."""
        self.catalogue[item.item_id] = item
        number = self.number.get(item.item_id)
        waiting = self._waiting.pop(item.item_id, None)
        if number is not None:
            self._describe(number, item)
        elif waiting is not None:
            self.put_statistics(waiting)
        elif item.available_from is not None:
            self.numbered(item.item_id)

    def withdraw(self, item: ItemId) -> None:
        """Stop showing the item until a new catalogue entry brings it back."""
        self.catalogue.pop(item, None)
        number = self.numbered(item)
        self.availability.withdraw(number)
        self.by_category.put(number, ())
        for signal in self._signals.values():
            signal.withdraw(self, number)

    def put_statistics(self, row: ItemStatistics) -> None:
        """Take the newest statistics of an item; the same row again changes nothing."""
        if not row.count and row.item_id not in self.number:
            self._waiting.pop(row.item_id, None)
            return
        is_known = row.count >= KNOWN_COUNT and people_of(row) >= KNOWN_PEOPLE
        if not (self.may_be_numbered(row.item_id) or is_known):
            self._waiting.pop(row.item_id, None)
            self._waiting[row.item_id] = row
            if len(self._waiting) > WAITING_KEPT:
                del self._waiting[next(iter(self._waiting))]
            return
        self._waiting.pop(row.item_id, None)
        number = self.numbered(row.item_id)
        for signal in self._signals.values():
            signal.update(self, number, row)
        self.version += row.count - int(self.count[number])
        self.newest_at = max(self.newest_at, row.at)
        self.count[number], self.first_at[number], self.last_at[number] = row.count, row.first_at, row.at

    def may_be_numbered(self, item: ItemId) -> bool:
        """Return whether the item has a number or may get one: it is in the catalogue, or there is no catalogue."""
        return not self.catalogue or item in self.number or item in self.catalogue

    def numbered(self, item: ItemId) -> int:
        """Return the item's number, a new one if it has none."""
        number = self.number.get(item)
        if number is not None:
            return number
        number = len(self.ids)
        if number == len(self.count):
            self._grow(2 * number)
        self.ids.append(item)
        self.number[item] = number
        for signal in self._signals.values():
            signal.add(self, number)
        if item in self.catalogue:
            self._describe(number, self.catalogue[item])
        return number

    def _grow(self, capacity: int) -> None:
        spare = np.zeros(capacity - len(self.count))
        self.count, self.first_at, self.last_at = (
            np.concatenate([array, spare]) for array in (self.count, self.first_at, self.last_at)
        )
        self.summing.grow(capacity)
        self.availability.grow(capacity)
        self.by_category.grow(capacity)
        self.facts.grow(capacity)
        for signal in self._signals.values():
            signal.grow(capacity)

    def _describe(self, number: int, item: Item) -> None:
        self.availability.put(number, item)
        self.by_category.put(number, item.categories)
        self.facts.put(number, item)
        for signal in self._signals.values():
            signal.describe(self, number, item)
        self.catalogue[item.item_id] = Item(item_id=item.item_id, title=item.title, categories=item.categories)
