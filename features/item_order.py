"""Items in the order of a key that changes one item at a time, such as a log popularity."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

import numpy as np
from numpy.typing import NDArray


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

    def __eq__(self, other: object) -> bool:
        """Whether it is the same order of the same keys."""
        return isinstance(other, Order) and (self._keys, self._numbers) == (other._keys, other._numbers)

    def put(self, number: int, old: float | None, new: float) -> None:
        """Move the item from its old key (none if it is new) to this one.

        Raises:
            IndexError: it does not have that old key.
        """
        if old is not None:
            self.drop(number, old)
        at = self._place(number, new)
        self._keys.insert(at, -new)
        self._numbers.insert(at, number)

    def drop(self, number: int, key: float) -> None:
        """Forget the item, which has this key.

        Raises:
            IndexError: it does not have that key.
        """
        at = self._place(number, key)
        if self._numbers[at] != number or self._keys[at] != -key:
            raise IndexError(f"item {number} does not have the key {key}")
        del self._keys[at], self._numbers[at]

    def _place(self, number: int, key: float) -> int:
        """Where the item with this key is, or belongs; however many have the same key."""
        at = bisect_left(self._keys, -key)
        if at < len(self._keys) and self._keys[at] == -key and self._numbers[at] < number:
            at = bisect_left(self._numbers, number, at, bisect_right(self._keys, -key, at))
        return at

    def first(self, size: int) -> NDArray[np.int64]:
        """The numbers of the `size` items with the highest keys."""
        return np.array(self._numbers[:size], np.int64)
