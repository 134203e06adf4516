"""Lists joined with their outcomes: an outcome is learned together with the list as it was ranked."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from schemas.ids import ItemId, ListId, UserId
from schemas.ranking_log import ListOutcome, Ranked

PENDING_LISTS = 10_000
"""How many lists are kept; beyond that the oldest is dropped."""


class PendingList(Struct, frozen=True):
    """A list as it was ranked, its clicked items, and its shown items (none until its outcome matures)."""

    ranked: Ranked
    clicked: tuple[ItemId, ...] = ()
    shown: tuple[ItemId, ...] | None = None


class ShownLists:
    """The last lists. A list matures once; later clicks correct it."""

    def __init__(self, size: int = PENDING_LISTS) -> None:
        self._size = size
        self._lists: OrderedDict[ListId, PendingList] = OrderedDict()

    def add(self, ranked: Ranked) -> None:
        """Add a list that was published, without the fields that learning does not read."""
        slim = replace(ranked, user_features={}, user_categories={}, external={})
        self._lists.setdefault(ranked.list_id, PendingList(slim))
        if len(self._lists) > self._size:
            self._lists.popitem(last=False)

    def settle(self, outcome: ListOutcome) -> tuple[Ranked, ListOutcome] | None:
        """Return the list with the outcome to learn from; none if there is nothing new in it.

        A late click, and one that only a second outcome of the list has, is learned as a choice among the shown items
        that had not been clicked before. A click that comes before the outcome has matured (as the impression is even
        later) is counted when it matures.
        """
        pending = self._lists.get(outcome.list_id)
        if pending is None:
            return None
        if pending.shown is not None:
            return self._correct(pending, pending.shown, outcome)
        if not outcome.late:
            return self._mature(pending, outcome)
        self._lists[outcome.list_id] = replace(pending, clicked=_union(pending.clicked, outcome.clicked))
        return None

    def forget(self, user: UserId) -> None:
        """Drop the lists of a user: their outcomes are not learned."""
        for list_id in [name for name, pending in self._lists.items() if pending.ranked.user_id == user]:
            del self._lists[list_id]

    def snapshot(self) -> list[PendingList]:
        """Return the state for `restore`."""
        return list(self._lists.values())

    def restore(self, lists: Iterable[PendingList]) -> None:
        """Restore the lists of a snapshot."""
        self._lists = OrderedDict((pending.ranked.list_id, pending) for pending in lists)

    def _mature(self, pending: PendingList, outcome: ListOutcome) -> tuple[Ranked, ListOutcome]:
        early = tuple(item for item in pending.clicked if item in outcome.shown)
        clicked = _union(outcome.clicked, early)
        self._lists[outcome.list_id] = PendingList(pending.ranked, clicked, outcome.shown)
        return pending.ranked, replace(outcome, clicked=clicked)

    def _correct(
        self, pending: PendingList, shown: tuple[ItemId, ...], outcome: ListOutcome
    ) -> tuple[Ranked, ListOutcome] | None:
        new = tuple(item for item in dict.fromkeys(outcome.clicked) if item in shown and item not in pending.clicked)
        if not new:
            return None
        left = tuple(item for item in shown if item not in pending.clicked)
        self._lists[outcome.list_id] = replace(pending, clicked=(*pending.clicked, *new))
        return pending.ranked, replace(outcome, shown=left, clicked=new)


def _union(one: tuple[ItemId, ...], other: tuple[ItemId, ...]) -> tuple[ItemId, ...]:
    """Return the items of both, each once, in their order.

    >>> _union((ItemId("a"),), (ItemId("b"), ItemId("a")))
    ('a', 'b')
    """
    return tuple(dict.fromkeys((*one, *other)))
