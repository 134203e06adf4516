"""The categories of items, and the items of each category in the order of their popularity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.items.order import NO_EVENTS, Order
from schemas.ids import category_key

CATEGORIES_PER_ITEM = 8
"""How many categories of an item are read; further ones are ignored."""

Numbers = NDArray[np.int64]


class ItemCategories:
    """The categories of every item, and every category's items in the order of a key, such as a log popularity.

    Categories are matched by `category_key`, and keep the spelling in which they first appeared. `number` maps the key
    of each category to its number, from 1. An item that was never ranked has the key `NO_EVENTS`.

    >>> categories = ItemCategories(capacity=4)
    >>> for item, key in enumerate((1.0, 3.0, 2.0)):
    ...     categories.put(item, ("tea",))
    ...     categories.rank(item, key)
    >>> categories.rank(0, 9.0)
    >>> categories.leading("tea", 2).tolist(), categories.members("tea").tolist()
    ([0, 1], [0, 1, 2])
    """

    def __init__(self, *, capacity: int) -> None:
        self.number: dict[str, int] = {}
        self._spelled: list[str] = [""]
        self._of: NDArray[np.int32] = np.zeros((CATEGORIES_PER_ITEM, capacity), np.int32)
        self._key: NDArray[np.float64] = np.full(capacity, NO_EVENTS)
        self._width = 0
        self._orders: list[Order] = [Order()]
        self._members: dict[str, Numbers] = {}

    def __len__(self) -> int:
        """Return how many categories there are."""
        return len(self.number)

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` items."""
        more = np.zeros((CATEGORIES_PER_ITEM, capacity - self._of.shape[1]), np.int32)
        self._of = np.concatenate([self._of, more], axis=1)
        self._key = np.concatenate([self._key, np.full(more.shape[1], NO_EVENTS)])

    def put(self, item: int, names: Sequence[str]) -> None:
        """Replace the item's categories by these."""
        key = float(self._key[item])
        self._leave(item, key)
        spelled = {category_key(name): name for name in reversed(names)}
        keys = dict.fromkeys(map(category_key, names))
        for slot, name in enumerate(list(keys)[:CATEGORIES_PER_ITEM]):
            category = self.number.setdefault(name, len(self.number) + 1)
            if category == len(self._orders):
                self._orders.append(Order())
                self._spelled.append(spelled[name])
            self._of[slot, item] = category
            self._width = max(self._width, slot + 1)
            self._orders[category].put(item, None, key)
            self._members.pop(name, None)

    def rank(self, item: int, key: float) -> None:
        """Give the item this key: move it in the order of each of its categories."""
        former = float(self._key[item])
        for category in self._categories_of(item):
            self._orders[category].put(item, former, key)
        self._key[item] = key

    def number_of(self, name: str) -> int:
        """Return the category's number, 0 if it is unknown."""
        return self.number.get(category_key(name), 0)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all categories, each in its first spelling."""
        return tuple(self._spelled[1:])

    def spelled(self, name: str) -> str:
        """Return the category's name in the spelling in which it first appeared; unchanged, if it is unknown."""
        return self._spelled[self.number_of(name)] or name

    def at(self, items: Numbers) -> NDArray[np.int32]:
        """Return the numbers of the items' categories, `[width, *items.shape]`, 0 for none; `width` is the most
        categories that any item has had, at most `CATEGORIES_PER_ITEM`.
        """
        return self._of[: self._width].take(items, axis=1)

    def leading(self, name: str, size: int) -> Numbers:
        """Return the numbers of the category's items with the highest keys, best first, at most `size`."""
        return self._orders[self.number_of(name)].first(size)

    def members(self, name: str) -> Numbers:
        """Return the numbers of the category's items, ascending; a cached array that callers must not write to."""
        key = category_key(name)
        members = self._members.get(key)
        if members is None:
            members = np.sort(self.leading(key, self._of.shape[1]))
            if key in self.number:
                self._members[key] = members
        return members

    def hold(self, name: str, items: Numbers) -> NDArray[np.bool_]:
        """Return which of the items have the category, as far as categories are read: `[len(items)]`."""
        members: NDArray[np.bool_] = (self.at(items) == (self.number_of(name) or -1)).any(axis=0)
        return members

    def _leave(self, item: int, key: float) -> None:
        categories = self._categories_of(item)
        names = list(self.number) if categories else []
        for category in categories:
            self._orders[category].drop(item, key)
            self._members.pop(names[category - 1], None)
        self._of[:, item] = 0

    def _categories_of(self, item: int) -> list[int]:
        return [category for category in self._of[: self._width, item].tolist() if category]
