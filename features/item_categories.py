"""Which items are of which category, and what of each category is popular."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from features.item_order import Order
from schemas.ids import category_key

CATEGORIES_PER_ITEM = 8
"""How many categories of an item are read."""

Numbers = NDArray[np.int64]


class ItemCategories:
    """The categories of every item, and every category's items in the order of a key, such as a log popularity.

    Categories are matched by `category_key`, and keep the spelling in which they came first. `number` gives each
    category's number by its key, from 1.

    >>> categories = ItemCategories(capacity=4)
    >>> for item, key in enumerate((1.0, 3.0, 2.0)):
    ...     categories.put(item, ("tea",), key)
    >>> categories.moved(0, 1.0, 9.0)
    >>> categories.leading("tea", 2).tolist(), categories.members("tea").tolist()
    ([0, 1], [0, 1, 2])
    """

    def __init__(self, *, capacity: int) -> None:
        self.number: dict[str, int] = {}
        self._spelled: list[str] = [""]
        self._of: NDArray[np.int32] = np.zeros((CATEGORIES_PER_ITEM, capacity), np.int32)
        self._most = 0
        self._orders: list[Order] = [Order()]
        self._members: dict[str, Numbers] = {}

    def __len__(self) -> int:
        """How many categories there are."""
        return len(self.number)

    def grow(self, capacity: int) -> None:
        """Make room for so many items."""
        more = np.zeros((CATEGORIES_PER_ITEM, capacity - self._of.shape[1]), np.int32)
        self._of = np.concatenate([self._of, more], axis=1)

    def put(self, item: int, names: Sequence[str], key: float) -> None:
        """The item, whose key is this one, is of exactly these categories now."""
        self._leave(item, key)
        spelled = {category_key(name): name for name in reversed(names)}
        keys = dict.fromkeys(map(category_key, names))
        for place, name in enumerate(list(keys)[:CATEGORIES_PER_ITEM]):
            known = self.number.setdefault(name, len(self.number) + 1)
            if known == len(self._orders):
                self._orders.append(Order())
                self._spelled.append(spelled[name])
            self._of[place, item] = known
            self._most = max(self._most, place + 1)
            self._orders[known].put(item, None, key)
            self._members.pop(name, None)

    def moved(self, item: int, old: float, new: float) -> None:
        """The item's key is another one now."""
        for known in self._held(item):
            self._orders[known].put(item, old, new)

    def number_of(self, name: str) -> int:
        """The category's number, 0 if it is unknown."""
        return self.number.get(category_key(name), 0)

    def spelled(self, name: str) -> str:
        """The category's name in the spelling in which it came first; as it is, if it is unknown."""
        return self._spelled[self.number_of(name)] or name

    def at(self, items: Numbers) -> NDArray[np.int32]:
        """The numbers of the items' categories, `[most, *items.shape]`, 0 for none; `most` is how many categories any
        item has had, at most `CATEGORIES_PER_ITEM`.
        """
        return self._of[: self._most].take(items, axis=1)

    def leading(self, name: str, size: int) -> Numbers:
        """The numbers of the category's items with the highest keys, best first, at most `size`."""
        return self._orders[self.number_of(name)].first(size)

    def members(self, name: str) -> Numbers:
        """The numbers of the category's items, ascending; not to be written to."""
        key = category_key(name)
        known = self._members.get(key)
        if known is None:
            known = np.sort(self.leading(key, self._of.shape[1]))
            if key in self.number:
                self._members[key] = known
        return known

    def hold(self, name: str, items: Numbers) -> NDArray[np.bool_]:
        """Which of the items are of the category, as far as categories are read: `[len(items)]`."""
        found: NDArray[np.bool_] = (self.at(items) == (self.number_of(name) or -1)).any(axis=0)
        return found

    def _leave(self, item: int, key: float) -> None:
        held = self._held(item)
        names = list(self.number) if held else []
        for known in held:
            self._orders[known].drop(item, key)
            self._members.pop(names[known - 1], None)
        self._of[:, item] = 0

    def _held(self, item: int) -> list[int]:
        return [known for known in self._of[: self._most, item].tolist() if known]
