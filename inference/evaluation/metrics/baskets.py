"""Next-basket recall: the share of a basket's items in the list that was made before it.

A basket is named by the events, or else inferred as a session: events of a user with less than half an hour between
them.
"""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct

from features.user_state import SESSION_GAP
from schemas.ids import ItemId, UserId


class BasketPosition(Struct, frozen=True):
    """The basket of an event: its number, whether the event opens it, and whether its user had an earlier basket."""

    basket: int
    opens: bool
    has_earlier: bool


class Baskets:
    """Assigns events to baskets, in event-time order.

    >>> baskets = Baskets()
    >>> [baskets.assign(UserId("ann"), "", at).basket for at in (0.0, 60.0, 9_000.0)]
    [0, 0, 1]
    """

    def __init__(self) -> None:
        self._numbers: dict[tuple[UserId, str], int] = {}
        self._last: dict[UserId, tuple[float, int]] = {}
        self.named = 0
        self.inferred = 0

    def assign(self, user: UserId, name: str, at: float) -> BasketPosition:
        """Assign the user's next event to a basket; `name` is the basket's, empty if it has none."""
        earlier = self._last.get(user)
        number = self._numbers.get((user, name)) if name else self._session(earlier, at)
        opens = number is None
        if number is None:
            number = self.named + self.inferred
            self.named += bool(name)
            self.inferred += not name
            if name:
                self._numbers[user, name] = number
        self._last[user] = (at, number)
        return BasketPosition(number, opens, earlier is not None)

    @staticmethod
    def _session(earlier: tuple[float, int] | None, at: float) -> int | None:
        return earlier[1] if earlier is not None and at <= earlier[0] + SESSION_GAP else None


class BasketRecall:
    """Recall@k of each basket: the share of its distinct items in the list that was made before it opened.

    >>> recall = BasketRecall()
    >>> recall.open(7, [ItemId("a"), ItemId("b")])
    >>> for item in "acc":
    ...     recall.add(7, ItemId(item))
    >>> recall.values()
    {7: 0.5}
    """

    def __init__(self) -> None:
        self._lists: dict[int, frozenset[ItemId]] = {}
        self._items: dict[int, set[ItemId]] = {}

    def open(self, basket: int, shown: Collection[ItemId]) -> None:
        """Set the list from just before the basket; a basket that was never opened is not evaluated."""
        self._lists[basket] = frozenset(shown)
        self._items[basket] = set()

    def add(self, basket: int, item: ItemId) -> None:
        """Add an item of the basket."""
        if basket in self._items:
            self._items[basket].add(item)

    def values(self) -> dict[int, float]:
        """Return recall by basket, in the order in which they were opened."""
        return {basket: len(items & self._lists[basket]) / len(items) for basket, items in self._items.items() if items}
