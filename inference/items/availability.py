"""Which items may be shown: not withdrawn, within their time, and in the user's locale."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from inference.items.locales import ItemLocales
from inference.items.order import Order
from schemas.items import Item

MOST_MOVED = 64
"""How many items move one by one in the order of their openings; after more changes between two reads it is sorted."""

Bools = NDArray[np.bool_]


class Closed(Struct, frozen=True, kw_only=True):
    """Which items are withdrawn or outside their time, from one time until another; at no time by default."""

    items: Bools = np.zeros(0, np.bool_)
    begins: float = np.inf
    ends: float = -np.inf


class Availability:
    """From when until when, and in which locales, each item may be shown; always and everywhere until it is described.

    >>> availability = Availability(capacity=2)
    >>> availability.put(1, Item(item_id="i", available_from=5.0))
    >>> availability.unavailable(2, now=1.0).tolist()
    [False, True]
    """

    def __init__(self, *, capacity: int) -> None:
        self.locales = ItemLocales(capacity=capacity)
        self.from_time = np.full(capacity, -np.inf)
        self.until_time = np.full(capacity, np.inf)
        self.withdrawn: Bools = np.zeros(capacity, np.bool_)
        self._has_windows = False
        self._opening = Order()
        self._moved: dict[int, float] | None = {}
        """The items that changed since `_opening` was read, each with its key there, -inf of those not in it; none once
        they are more than `MOST_MOVED`.
        """
        self._closed = Closed()

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` items."""
        more = capacity - len(self.withdrawn)
        self.from_time = np.concatenate([self.from_time, np.full(more, -np.inf)])
        self.until_time = np.concatenate([self.until_time, np.full(more, np.inf)])
        self.withdrawn = np.concatenate([self.withdrawn, np.zeros(more, np.bool_)])
        self._closed = Closed()
        self.locales.grow(capacity)

    def put(self, number: int, item: Item) -> None:
        """Take the newest catalogue entry of an item."""
        before = self._opens_at(number)
        self.withdrawn[number] = False
        self.from_time[number] = -np.inf if item.available_from is None else item.available_from
        self.until_time[number] = np.inf if item.available_until is None else item.available_until
        self._note_move(number, before)
        self._has_windows |= item.available_from is not None or item.available_until is not None
        self._closed = Closed()
        self.locales.put(number, item.locales)

    def withdraw(self, number: int) -> None:
        """Show the item to nobody until it is described again."""
        before = self._opens_at(number)
        self.withdrawn[number] = True
        self._note_move(number, before)
        self._closed = Closed()
        self.locales.put(number, ())

    def opened(self, since: float, until: float, size: int) -> list[int]:
        """Return the items that are available from a time after `since`, and by `until`: the newest `size`.

        >>> availability = Availability(capacity=2)
        >>> availability.put(1, Item(item_id="i", available_from=5.0))
        >>> availability.opened(4.0, 5.0, 9), availability.opened(5.0, 9.0, 9)
        ([1], [])
        """
        if self._moved is None or self._moved:
            self._follow()
        return self._opening.between(since, until, size)

    def _opens_at(self, number: int) -> float:
        return -np.inf if self.withdrawn[number] else float(self.from_time[number])

    def _note_move(self, number: int, before: float) -> None:
        if self._moved is None or before == self._opens_at(number):
            return
        self._moved.setdefault(number, before)
        if len(self._moved) > MOST_MOVED:
            self._moved = None

    def _follow(self) -> None:
        """Bring the order up to date: a whole catalogue, in whatever order it came, costs one sort."""
        if self._moved is None:
            numbers = np.flatnonzero(~self.withdrawn & (self.from_time > -np.inf))
            numbers = numbers[np.argsort(-self.from_time[numbers], kind="stable")]
            self._opening.load(numbers, self.from_time[numbers])
        else:
            for number, old in self._moved.items():
                self._move(number, old)
        self._moved = {}

    def _move(self, number: int, old: float) -> None:
        if old > -np.inf:
            self._opening.drop(number, old)
        if (new := self._opens_at(number)) > -np.inf:
            self._opening.put(number, None, new)

    def shows(self, number: int, now: float, locale: str) -> bool:
        """Return whether the item may be shown at this time, to a user of this locale."""
        if self.withdrawn[number] or not self.locales.shows(number, locale):
            return False
        return bool(self.from_time[number] <= now < self.until_time[number])

    def unavailable(self, size: int, *, now: float, locale: str = "") -> Bools:
        """Return which of the first `size` items may not be shown, `[size]`; a fresh array."""
        if not self._closed.begins <= now < self._closed.ends:
            self._closed = self._closed_at(now)
        blocked: Bools = self._closed.items[:size].copy()
        if locale:
            blocked |= self.locales.excluded(locale, size)
        return blocked

    def _closed_at(self, now: float) -> Closed:
        if not self._has_windows:
            return Closed(items=self.withdrawn, begins=-np.inf, ends=np.inf)
        edges = np.concatenate([self.from_time, self.until_time])
        return Closed(
            items=self.withdrawn | (self.from_time > now) | (self.until_time <= now),
            begins=float(edges[edges <= now].max(initial=-np.inf)),
            ends=float(edges[edges > now].min(initial=np.inf)),
        )
