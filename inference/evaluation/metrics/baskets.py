"""Next baskets: what a list made before a basket holds of all that came into it.

A basket is one that the events name, or else a sitting: events of a person with less than half an hour between them.
"""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct

from features.user_state import SESSION_GAP
from schemas.ids import ItemId, UserId


class BasketPosition(Struct, frozen=True):
    """Where an event stands: the number of its basket, whether it opens it, and whether its person had one before."""

    basket: int
    opens: bool
    has_earlier: bool


class Baskets:
    """Tells baskets apart, in event-time order.

    >>> baskets = Baskets()
    >>> [baskets.place(UserId("ann"), "", at).basket for at in (0.0, 60.0, 9_000.0)]
    [0, 0, 1]
    """

    def __init__(self) -> None:
        self._numbers: dict[tuple[UserId, str], int] = {}
        self._last: dict[UserId, tuple[float, int]] = {}
        self.named = 0
        self.inferred = 0

    def place(self, user: UserId, name: str, at: float) -> BasketPosition:
        """The place of the person's next event; `name` is the basket's, empty if it has none."""
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
    """Recall@k of each basket: the share of its distinct items that the list held which was made before it opened.

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
        """The list of just before the basket; a basket that was never opened is not judged."""
        self._lists[basket] = frozenset(shown)
        self._items[basket] = set()

    def add(self, basket: int, item: ItemId) -> None:
        """An item came into the basket."""
        if basket in self._items:
            self._items[basket].add(item)

    def values(self) -> dict[int, float]:
        """Recall by basket, in the order in which they were opened."""
        return {basket: len(items & self._lists[basket]) / len(items) for basket, items in self._items.items() if items}
