"""Items in the order of a key that changes one item at a time, such as a log popularity."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right

import numpy as np
from numpy.typing import NDArray

NO_EVENTS = -1e6
"""The key of an item without any event: below every log popularity that decay can reach."""
LEADERS_KEPT = 2_048
"""How many leading items are kept in order where the catalogue is larger."""

Numbers = NDArray[np.int64]
Doubles = NDArray[np.float64]


class Order:
    """Item numbers by key, highest first; of equal keys the lower number first.

    >>> order = Order()
    >>> for number, key in enumerate((1.0, 3.0, 2.0)):
    ...     order.put(number, None, key)
    >>> order.put(0, 1.0, 9.0)
    >>> order.first(2).tolist()
    [0, 1]
    """

    def __init__(self) -> None:
        self._keys = array("d")
        self._numbers = array("i")

    def __len__(self) -> int:
        """Return how many items there are."""
        return len(self._keys)

    def __eq__(self, other: object) -> bool:
        """Return whether both hold the same items with the same keys."""
        return isinstance(other, Order) and (self._keys, self._numbers) == (other._keys, other._numbers)

    def put(self, number: int, old: float | None, new: float) -> None:
        """Move the item from its old key (none if it is new) to the new one.

        Raises:
            IndexError: the item does not have that old key.
        """
        if old is not None:
            self.drop(number, old)
        index = self._index(number, new)
        self._keys.insert(index, -new)
        self._numbers.insert(index, number)

    def drop(self, number: int, key: float) -> None:
        """Remove the item, which has this key.

        Raises:
            IndexError: the item does not have that key.
        """
        index = self._index(number, key)
        if not self._is_at(index, number, key):
            raise IndexError(f"item {number!r} does not have the key {key!r}")
        del self._keys[index], self._numbers[index]

    def holds(self, number: int, key: float) -> bool:
        """Return whether the item is here with this key."""
        return self._is_at(self._index(number, key), number, key)

    def _is_at(self, index: int, number: int, key: float) -> bool:
        return index < len(self._keys) and self._numbers[index] == number and self._keys[index] == -key

    @property
    def last(self) -> int:
        """The number of the item with the lowest key.

        Raises:
            IndexError: there is none.
        """
        return self._numbers[-1]

    def load(self, numbers: Numbers, keys: Doubles) -> None:
        """Replace all items by these, which are in order."""
        self._keys = array("d", (-keys).tolist())
        self._numbers = array("i", numbers.tolist())

    def cut(self, size: int) -> None:
        """Keep the first `size` items."""
        del self._keys[size:], self._numbers[size:]

    def first(self, size: int) -> Numbers:
        """Return the numbers of the `size` items with the highest keys."""
        return np.array(self._numbers[:size], np.int64)

    def between(self, low: float, high: float, size: int) -> list[int]:
        """Return the items with a key above `low` and at most `high`: the `size` with the highest keys.

        >>> order = Order()
        >>> for number, key in enumerate((1.0, 3.0, 2.0)):
        ...     order.put(number, None, key)
        >>> order.between(1.0, 2.5, 9)
        [2]
        """
        begin, end = bisect_left(self._keys, -high), bisect_left(self._keys, -low)
        return self._numbers[begin : min(end, begin + size)].tolist()

    def _index(self, number: int, key: float) -> int:
        """Return the index at which the item with this key is or belongs, in O(log n) however many keys are equal."""
        index = bisect_left(self._keys, -key)
        if index < len(self._keys) and self._keys[index] == -key and self._numbers[index] < number:
            index = bisect_left(self._numbers, number, index, bisect_right(self._keys, -key, index))
        return index


class Leaders:
    """The first items of a key that is kept in an array by number; the same order as `Order`, without its room. Items
    whose key is `NO_EVENTS` are not among them.

    Only the leading ones are kept in order. They follow changes one by one as long as they can: an item that loses its
    place among them to items that are not kept has them found anew, at the next read.

    >>> keys = np.array([1.0, 3.0, 2.0])
    >>> leaders = Leaders()
    >>> leaders.first(keys, 2).tolist()
    [1, 2]
    """

    def __init__(self, kept: int = LEADERS_KEPT) -> None:
        self._kept = kept
        self._order: Order | None = None
        self._is_whole = False

    def put(self, number: int, old: float, new: float) -> None:
        """Follow an item's change from its old key (`NO_EVENTS` if it is new) to the new one."""
        order = self._order
        if order is None:
            return
        if order.holds(number, old):
            self._move(order, number, old, new)
        elif new > NO_EVENTS and (self._is_whole or new > old):
            self._enter(order, number, new)

    def _move(self, order: Order, number: int, old: float, new: float) -> None:
        order.drop(number, old)
        if new > NO_EVENTS:
            order.put(number, None, new)
        if new < old and not self._is_whole and (new <= NO_EVENTS or order.last == number):
            self._order = None

    def _enter(self, order: Order, number: int, new: float) -> None:
        size = len(order)
        order.put(number, None, new)
        if not self._is_whole:
            order.cut(size)
        elif size >= self._kept:
            order.cut(self._kept)
            self._is_whole = False

    def first(self, keys: Doubles, size: int) -> Numbers:
        """Return the numbers of the `size` items with the highest keys, without those that have `NO_EVENTS`."""
        if self._order is None or (len(self._order) < size and not self._is_whole):
            self._find(keys, size)
        assert self._order is not None
        return self._order.first(size)

    def _find(self, keys: Doubles, size: int) -> None:
        """Find the leading items, somewhat more than are asked for."""
        numbers = (keys > NO_EVENTS).nonzero()[0]
        kept = max(self._kept, 2 * size)
        self._is_whole = len(numbers) <= kept
        if not self._is_whole:
            last = np.partition(-keys[numbers], kept - 1)[kept - 1]
            numbers = numbers[-keys[numbers] <= last]
        ordered = numbers[(-keys[numbers]).argsort(kind="stable")][:kept]
        self._order = Order()
        self._order.load(ordered, keys[ordered])
