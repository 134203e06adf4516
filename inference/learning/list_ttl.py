"""The list time-to-live: how long a user's list hits more than the non-personalised list.

Each choice is compared with both: the user's last list, made some time ago, and the newest non-personalised list. Hits
are summed by the age of the former, and the time-to-live is the age up to which personal lists lead by the most.
Preferences last for months where users come back to the same venues, and for minutes where they read the news.
"""

from __future__ import annotations

from bisect import bisect
from itertools import accumulate
from zlib import crc32

from msgspec import Struct

from schemas.ids import ItemId, UserId
from schemas.ranking_log import Choice, DefaultList, Ranked

AGE_EDGES = tuple(60.0 * 2.0**power for power in range(16))
"""The edges of the age bins, in seconds: from a minute to three weeks, each twice the one before."""
SAMPLED_USERS = 10_000
"""Of about how many users the last lists are kept. They are sampled by a hash of their ids: a cache of the most recent
users would drop old lists before they are compared.
"""
HIT_WINDOW = 10_000
"""Over about how many choices hits are summed."""
MIN_COMPARISONS = 200
"""How many choices must have been compared before the time-to-live is known."""


class KeptList(Struct, frozen=True):
    """The last list of a user: when it was made, in event time, and its items."""

    user: UserId
    made_at: float
    items: tuple[ItemId, ...]


class ListTtlSnapshot(Struct, frozen=True):
    """The state of `ListTtl`."""

    lead: list[float]
    below: int
    compared: int
    default: tuple[ItemId, ...]
    lists: list[KeptList]


class ListTtl:
    """Measures the list time-to-live from lists and choices, in the order of the log.

    >>> ttl = ListTtl()
    >>> ttl.seconds
    0.0
    """

    def __init__(self) -> None:
        self._lead = [0.0] * (len(AGE_EDGES) + 1)
        self._compared = 0
        self._default: tuple[ItemId, ...] = ()
        self._lists: dict[UserId, KeptList] = {}
        self._below = 2**32

    @property
    def seconds(self) -> float:
        """The time-to-live of a list in seconds, at least a minute; 0 while too little is known."""
        if self._compared < MIN_COMPARISONS:
            return 0.0
        ahead = list(accumulate(self._lead[:-1]))
        return AGE_EDGES[max(range(len(AGE_EDGES)), key=ahead.__getitem__)]

    def add(self, made: Ranked | DefaultList) -> None:
        """Add a list that was published."""
        if isinstance(made, DefaultList):
            self._default = made.items
            return
        if _hash(made.user_id) < self._below:
            self._lists[made.user_id] = KeptList(made.user_id, made.event_time, made.items)
        if len(self._lists) > SAMPLED_USERS:
            self._below //= 2
            self._lists = {user: kept_list for user, kept_list in self._lists.items() if _hash(user) < self._below}

    def compare(self, choice: Choice) -> None:
        """Compare the two lists by whether they hold the chosen item."""
        own = self._lists.get(choice.user_id)
        if own is None or not self._default or choice.event_time < own.made_at:
            return
        self._compared += 1
        self._lead = [lead * (1.0 - 1.0 / HIT_WINDOW) for lead in self._lead]
        hit, default_hit = choice.item_id in own.items, choice.item_id in self._default
        self._lead[bisect(AGE_EDGES, choice.event_time - own.made_at)] += hit - default_hit

    def forget(self, user: UserId) -> None:
        """Drop the last list of a user."""
        self._lists.pop(user, None)

    def snapshot(self) -> ListTtlSnapshot:
        """Return the state for `restore`."""
        lists = list(self._lists.values())
        return ListTtlSnapshot(self._lead, self._below, self._compared, self._default, lists)

    def restore(self, snapshot: ListTtlSnapshot) -> None:
        """Restore the state from a snapshot; one of other age bins is ignored."""
        if len(snapshot.lead) != len(self._lead):
            return
        self._lead, self._below, self._compared, self._default = (
            snapshot.lead,
            snapshot.below,
            snapshot.compared,
            snapshot.default,
        )
        self._lists = {kept_list.user: kept_list for kept_list in snapshot.lists}


def _hash(user: UserId) -> int:
    return crc32(user.encode())
