"""Lists and what became of them: an outcome is learned from together with the list as it was ranked."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from schemas.ids import ItemId, ListId
from schemas.ranking_log import ListOutcome, Ranked

SIZE = 10_000
"""How many lists are kept; the oldest is given up."""


class PendingList(Struct, frozen=True):
    """A list as it was ranked, what has been clicked, and what was shown of it (none until its outcome matured)."""

    ranked: Ranked
    clicked: tuple[ItemId, ...] = ()
    shown: tuple[ItemId, ...] | None = None


class ShownLists:
    """The last lists. A list matures once; what is clicked afterwards corrects it."""

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._lists: OrderedDict[ListId, PendingList] = OrderedDict()

    def add(self, ranked: Ranked) -> None:
        """Keep a list that was published, without what learning does not read."""
        slim = replace(ranked, user_features={}, user_categories={}, external={})
        self._lists.setdefault(ranked.list_id, PendingList(slim))
        if len(self._lists) > self._size:
            self._lists.popitem(last=False)

    def settle(self, outcome: ListOutcome) -> tuple[Ranked, ListOutcome] | None:
        """The list with what is to be learned from this outcome; none if there is nothing new in it.

        A late click, and one that a second outcome of the list has beside those of the first, is learned from as a
        choice among what was shown and had not been clicked before. One that comes
        before the outcome has matured (the impression was later still) is counted when it does.
        """
        kept = self._lists.get(outcome.list_id)
        if kept is None:
            return None
        if kept.shown is not None:
            return self._correct(kept, kept.shown, outcome)
        if not outcome.late:
            return self._mature(kept, outcome)
        self._lists[outcome.list_id] = replace(kept, clicked=_union(kept.clicked, outcome.clicked))
        return None

    def snapshot(self) -> list[PendingList]:
        """What `restore` needs."""
        return list(self._lists.values())

    def restore(self, kept: Iterable[PendingList]) -> None:
        """Become what was kept."""
        self._lists = OrderedDict((each.ranked.list_id, each) for each in kept)

    def _mature(self, kept: PendingList, outcome: ListOutcome) -> tuple[Ranked, ListOutcome]:
        early = tuple(item for item in kept.clicked if item in outcome.shown)
        clicked = _union(outcome.clicked, early)
        self._lists[outcome.list_id] = PendingList(kept.ranked, clicked, outcome.shown)
        return kept.ranked, replace(outcome, clicked=clicked)

    def _correct(
        self, kept: PendingList, shown: tuple[ItemId, ...], outcome: ListOutcome
    ) -> tuple[Ranked, ListOutcome] | None:
        new = tuple(item for item in dict.fromkeys(outcome.clicked) if item in shown and item not in kept.clicked)
        if not new:
            return None
        left = tuple(item for item in shown if item not in kept.clicked)
        self._lists[outcome.list_id] = replace(kept, clicked=(*kept.clicked, *new))
        return kept.ranked, replace(outcome, shown=left, clicked=new)


def _union(one: tuple[ItemId, ...], other: tuple[ItemId, ...]) -> tuple[ItemId, ...]:
    """Both, each item once, in their order.

    >>> _union((ItemId("a"),), (ItemId("b"), ItemId("a")))
    ('a', 'b')
    """
    return tuple(dict.fromkeys((*one, *other)))
