"""The crowd watch: whether new accounts choose together what nobody else chooses.

Real newcomers choose much of what everybody chooses. Accounts that one hand made choose the item that it pushes. It
decides nothing: it feeds a metric and names the item in the log, so that an operator may look, and quarantine accounts.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from typing import Literal

from schemas.ids import ItemId

Account = Literal["known", "new", "suspect"]
ACCOUNTS: tuple[Account, ...] = ("known", "new", "suspect")
"""Whose choice it was: of an account with more than `NEW_CHOICES` distinct choices, of a newer one, or of a newer one
together with others."""
NEW_CHOICES = 3
WATCHED = 200
"""How many of the newest choices by new accounts are compared with so many by known ones."""
LEAST_CHOICES = 20
"""So many of them must be of one item."""
EXCESS = 0.2
"""By how much the item's share among new accounts' choices must be above its share among those of known accounts."""
logger = logging.getLogger(__name__)


class _Window:
    """The newest choices, counted by item."""

    def __init__(self, size: int) -> None:
        self._newest: deque[ItemId] = deque()
        self._size = size
        self._counts: Counter[ItemId] = Counter()

    def add(self, item: ItemId) -> None:
        self._newest.append(item)
        self._counts[item] += 1
        if len(self._newest) > self._size:
            oldest = self._newest.popleft()
            self._counts[oldest] -= 1
            if not self._counts[oldest]:
                del self._counts[oldest]

    def count(self, item: ItemId) -> int:
        return self._counts[item]

    def share(self, item: ItemId) -> float:
        return self._counts[item] / max(1, len(self._newest))


class CrowdWatch:
    """Compares what new accounts choose with what known ones choose, over a worker's newest choices.

    >>> watch = CrowdWatch()
    >>> [watch.observe(ItemId(f"i{n}"), distinct=50) for n in range(2)]
    ['known', 'known']
    >>> [watch.observe(ItemId("pushed"), distinct=1) for _ in range(20)][-2:]
    ['new', 'suspect']
    """

    def __init__(self) -> None:
        self._known, self._new = _Window(WATCHED), _Window(WATCHED)
        self._named: dict[ItemId, None] = {}

    def observe(self, item: ItemId, *, distinct: int) -> Account:
        """Observe a choice by an account that has made so many distinct ones; return whose it was."""
        if distinct > NEW_CHOICES:
            self._known.add(item)
            return "known"
        self._new.add(item)
        if self._new.count(item) < LEAST_CHOICES or self._new.share(item) - self._known.share(item) < EXCESS:
            return "new"
        self._name(item)
        return "suspect"

    def _name(self, item: ItemId) -> None:
        """Name a suspect item in the log, once; the names of the newest `WATCHED` are remembered."""
        if item in self._named:
            return
        self._named[item] = None
        if len(self._named) > WATCHED:
            del self._named[next(iter(self._named))]
        logger.info(
            "new accounts choose item %r far more than known accounts do: %d of their newest %d choices",
            item,
            self._new.count(item),
            WATCHED,
        )
