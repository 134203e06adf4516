"""Items in the order of a key that changes one item at a time, such as a log popularity."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

import numpy as np
from numpy.typing import NDArray

NO_EVENTS = -1e6
"""The key of an item without any event: below every log popularity that decay can reach."""


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
        self._keys: list[float] = []
        self._numbers: list[int] = []

    def __len__(self) -> int:
        """Return how many items there are."""
        return len(self._numbers)

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
        if self._numbers[index] != number or self._keys[index] != -key:
            raise IndexError(f"item {number!r} does not have the key {key!r}")
        del self._keys[index], self._numbers[index]

    def _index(self, number: int, key: float) -> int:
        """Return the index at which the item with this key is or belongs, in O(log n) however many keys are equal."""
        index = bisect_left(self._keys, -key)
        if index < len(self._keys) and self._keys[index] == -key and self._numbers[index] < number:
            index = bisect_left(self._numbers, number, index, bisect_right(self._keys, -key, index))
        return index

    def first(self, size: int) -> NDArray[np.int64]:
        """Return the numbers of the `size` items with the highest keys."""
        return np.array(self._numbers[:size], np.int64)
