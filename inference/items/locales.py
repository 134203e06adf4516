"""In which locales each item is shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.locales import fallbacks, locale_key

Bools = NDArray[np.bool_]
NO_NUMBERS: NDArray[np.int64] = np.zeros(0, np.int64)


class ItemLocales:
    """The locales of every item; an item without any is shown everywhere.

    >>> locales = ItemLocales(capacity=3)
    >>> locales.put(1, ("de",))
    >>> locales.put(2, ("fr",))
    >>> locales.excluded("de-AT", 3).tolist(), locales.excluded("", 3).tolist()
    ([False, False, True], [False, False, False])
    """

    def __init__(self, *, capacity: int) -> None:
        self._restricted: Bools = np.zeros(capacity, np.bool_)
        self._locales: dict[int, tuple[str, ...]] = {}
        self._items: dict[str, set[int]] = {}
        self._numbers: dict[str, NDArray[np.int64]] = {}

    def names(self, most: int) -> tuple[str, ...]:
        """Return the `most` locales that most items name now, those first."""
        return tuple(sorted(self._items, key=lambda name: (-len(self._items[name]), name))[:most])

    def grow(self, capacity: int) -> None:
        """Make room for so many items."""
        more = np.zeros(capacity - len(self._restricted), np.bool_)
        self._restricted = np.concatenate([self._restricted, more])

    def put(self, item: int, locales: Sequence[str]) -> None:
        """Show the item in exactly these locales from now on; everywhere, if there are none."""
        names = tuple(dict.fromkeys(map(locale_key, locales)))
        former = self._locales.pop(item, ())
        if names == former == ():
            return
        for name in former:
            self._items[name].discard(item)
            if not self._items[name]:
                del self._items[name]
        for name in names:
            self._items.setdefault(name, set()).add(item)
        for name in {*former, *names}:
            self._numbers.pop(name, None)
        if names:
            self._locales[item] = names
        self._restricted[item] = bool(names)

    def shows(self, item: int, locale: str) -> bool:
        """Return whether the item is shown to a user of this locale; it is where the locale is not known."""
        own, wanted = self._locales.get(item), fallbacks(locale)
        return not own or not wanted or not set(own).isdisjoint(wanted)

    def excluded(self, locale: str, size: int) -> Bools:
        """Return which of the first `size` items are not shown to a user of this locale, `[size]`; a fresh array."""
        wanted = fallbacks(locale)
        if not wanted or not self._locales:
            return np.zeros(size, np.bool_)
        excluded: Bools = self._restricted[:size].copy()
        for name in wanted:
            excluded[self._members(name)] = False
        return excluded

    def _members(self, name: str) -> NDArray[np.int64]:
        """Return the numbers of the items that name this locale, kept until they change."""
        if name in self._items and name not in self._numbers:
            self._numbers[name] = np.fromiter(self._items[name], np.int64)
        return self._numbers.get(name, NO_NUMBERS)
