"""In which locales each item is shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.locales import fallbacks, locale_key

Bools = NDArray[np.bool_]


class ItemLocales:
    """The locales of every item; an item without any is shown everywhere.

    >>> locales = ItemLocales(capacity=3)
    >>> locales.put(1, ("de",))
    >>> locales.put(2, ("fr",))
    >>> locales.excluded("de-AT", 3).tolist(), locales.excluded("", 3).tolist()
    ([False, False, True], [False, False, False])
    """

    def __init__(self, *, capacity: int) -> None:
        self._everywhere: Bools = np.ones(capacity, np.bool_)
        self._shown: dict[str, Bools] = {}

    def __len__(self) -> int:
        """Return how many locales items have named."""
        return len(self._shown)

    def names(self, most: int) -> tuple[str, ...]:
        """Return the `most` locales that most items name now, those first."""
        counts = {name: int(shown.sum()) for name, shown in self._shown.items()}
        named = sorted((name for name, count in counts.items() if count), key=lambda name: (-counts[name], name))
        return tuple(named[:most])

    def grow(self, capacity: int) -> None:
        """Make room for so many items."""
        more = capacity - len(self._everywhere)
        self._everywhere = np.concatenate([self._everywhere, np.ones(more, np.bool_)])
        self._shown = {name: np.concatenate([shown, np.zeros(more, np.bool_)]) for name, shown in self._shown.items()}

    def put(self, item: int, locales: Sequence[str]) -> None:
        """Show the item in exactly these locales from now on."""
        if not locales and self._everywhere[item]:
            return
        keys = dict.fromkeys(map(locale_key, locales))
        for name in keys:
            if name not in self._shown:
                self._shown[name] = np.zeros(len(self._everywhere), np.bool_)
        for name, shown in self._shown.items():
            shown[item] = name in keys
        self._everywhere[item] = not keys

    def shows(self, item: int, locale: str) -> bool:
        """Return whether the item is shown to a user of this locale; everywhere, where the locale is not known."""
        names = fallbacks(locale)
        return not names or bool(self._everywhere[item]) or any(self._shows(name, item) for name in names)

    def excluded(self, locale: str, size: int) -> Bools:
        """Return which of the first `size` items are not shown to a user of this locale, `[size]`; a fresh array."""
        names = fallbacks(locale)
        if not names or not self._shown:
            return np.zeros(size, np.bool_)
        excluded: Bools = ~self._everywhere[:size]
        for name in names:
            if name in self._shown:
                excluded &= ~self._shown[name][:size]
        return excluded

    def _shows(self, name: str, item: int) -> bool:
        return name in self._shown and bool(self._shown[name][item])
