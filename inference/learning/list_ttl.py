"""How long a person's list is worth keeping: until the list for people never seen does better.

Each choice asks both: the person's last list, made some time ago, and the newest list for people never seen. By the age
of the former their hits are summed, and the life is the age up to which the own lists lead by the most. A person's
taste lasts for months where people come back to the same places, and for minutes where everybody reads the news.
"""

from __future__ import annotations

from bisect import bisect
from itertools import accumulate
from zlib import crc32

from msgspec import Struct

from schemas.ids import ItemId, UserId
from schemas.ranking_log import Choice, DefaultList, Ranked

EDGES = tuple(60.0 * 2.0**power for power in range(16))
"""The ages in seconds between which lists are alike: from a minute to three weeks, each twice the one before."""
PEOPLE = 10_000
"""Of about how many people the last lists are kept. They are drawn by a hash of their ids: if those who come often
were kept and the others given up, old lists would never be compared."""
MEMORY = 10_000
"""Over about how many choices hits are summed."""
ENOUGH = 200
"""How many choices must have asked both before anything is said."""


class KeptList(Struct, frozen=True):
    """A list that a person was given: when, in event time, and what it held."""

    user: UserId
    made_at: float
    items: tuple[ItemId, ...]


class ListTtlSnapshot(Struct, frozen=True):
    """What `ListTtl.restore` needs."""

    lead: list[float]
    below: int
    compared: int
    default: tuple[ItemId, ...]
    lists: list[KeptList]


class ListTtl:
    """Reads lists and choices in the order of the log.

    >>> ttl = ListTtl()
    >>> ttl.seconds
    0.0
    """

    def __init__(self) -> None:
        self._lead = [0.0] * (len(EDGES) + 1)
        self._compared = 0
        self._default: tuple[ItemId, ...] = ()
        self._lists: dict[UserId, KeptList] = {}
        self._below = 2**32

    @property
    def seconds(self) -> float:
        """The life of a list in seconds, a minute at least; 0 while too little is known."""
        if self._compared < ENOUGH:
            return 0.0
        ahead = list(accumulate(self._lead[:-1]))
        return EDGES[max(range(len(EDGES)), key=ahead.__getitem__)]

    def add(self, made: Ranked | DefaultList) -> None:
        """A list was published."""
        if isinstance(made, DefaultList):
            self._default = made.items
            return
        if _hash(made.user_id) < self._below:
            self._lists[made.user_id] = KeptList(made.user_id, made.event_time, made.items)
        if len(self._lists) > PEOPLE:
            self._below //= 2
            self._lists = {user: kept for user, kept in self._lists.items() if _hash(user) < self._below}

    def ask(self, choice: Choice) -> None:
        """Which of the two lists held what was chosen."""
        own = self._lists.get(choice.user_id)
        if own is None or not self._default or choice.event_time < own.made_at:
            return
        self._compared += 1
        self._lead = [lead * (1.0 - 1.0 / MEMORY) for lead in self._lead]
        hit, default_hit = choice.item_id in own.items, choice.item_id in self._default
        self._lead[bisect(EDGES, choice.event_time - own.made_at)] += hit - default_hit

    def snapshot(self) -> ListTtlSnapshot:
        """What `restore` needs."""
        lists = list(self._lists.values())
        return ListTtlSnapshot(self._lead, self._below, self._compared, self._default, lists)

    def restore(self, kept: ListTtlSnapshot) -> None:
        """Become what was kept; what was kept by other ages is nothing."""
        if len(kept.lead) != len(self._lead):
            return
        self._lead, self._below, self._compared, self._default = kept.lead, kept.below, kept.compared, kept.default
        self._lists = {each.user: each for each in kept.lists}


def _hash(user: UserId) -> int:
    return crc32(user.encode())
