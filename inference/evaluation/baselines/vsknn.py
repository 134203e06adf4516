"""V-SKNN: sessions like the one at hand vote for their items (Ludewig and Jannach, UMUAI 2018).

Later items count more in both: how alike two sessions are, and how much a neighbour's vote weighs. It is incremental
by itself: a session can be a neighbour as soon as it has two items.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from heapq import nlargest
from itertools import islice

import numpy as np

from features.user_state import SESSION_GAP
from inference.evaluation.baselines.baseline import Baseline, Doubles
from schemas.ids import ItemId, UserId

LATELY = 20
"""How many of the person's newest items make the session at hand."""
STEPS = 10
"""How far back in the session at hand the newest shared item still gives a neighbour a vote."""
CROWD = 1_000
"""How many sessions are remembered of each item: those that it came to last."""


class VSknn(Baseline):
    """`neighbours` of the `sample` newest sessions that share an item vote. A session is a sitting, or with
    `whole` all that a person ever chose, which suits streams where people come for one item at a time. The person's
    own session is among them, so that what they choose again is found; but not what they have chosen in the sitting at
    hand, unless `again` says so.
    """

    def __init__(self, neighbours: int = 100, sample: int = 500, *, whole: bool = True, again: bool = False) -> None:
        super().__init__()
        self._neighbours, self._sample = neighbours, sample
        self._whole, self._again = whole, again
        self._sessions: list[dict[int, None]] = []
        self._touched: list[int] = []
        self._open: dict[UserId, tuple[int, float]] = {}
        self._session: dict[UserId, set[ItemId]] = {}
        self._holding: list[dict[int, None]] = []
        self._clock = 0

    def take(self, user: UserId, item: int, at: float) -> None:
        """See `Baseline`."""
        number, last = self._open.get(user, (-1, -np.inf))
        if number < 0 or (not self._whole and at - last > SESSION_GAP):
            number = len(self._sessions)
            self._sessions.append({})
            self._touched.append(0)
        if at - last > SESSION_GAP:
            self._session[user] = set()
        self._session[user].add(self.items.ids[item])
        self._open[user] = (number, at)
        self._clock += 1
        self._touched[number] = self._clock
        self._sessions[number][item] = None
        if item == len(self._holding):
            self._holding.append({})
        holding = self._holding[item]
        holding.pop(number, None)
        holding[number] = None
        if len(holding) > CROWD:
            del holding[next(iter(holding))]

    def top_of(
        self, user: UserId, history: Sequence[ItemId], now: float, k: int, exclude: Collection[ItemId]
    ) -> list[ItemId]:
        """See `Personal`."""
        sits = now - self._open.get(user, (-1, -np.inf))[1] <= SESSION_GAP
        at_hand = self._session[user] if sits and not self._again else ()
        return self.top(history, now, k, {*exclude, *at_hand})

    def scores(self, known: Sequence[int], now: float) -> Doubles | None:
        """See `Baseline`."""
        session = list(dict.fromkeys(reversed(known)))[:LATELY]
        likeness = self._likeness(session)
        nearest = nlargest(self._neighbours, likeness.items(), key=lambda found: (found[1], self._touched[found[0]]))
        scores = np.zeros(len(self.items.ids))
        for number, alike in nearest:
            theirs = self._sessions[number]
            step = next(place for place, item in enumerate(session) if item in theirs)
            scores[list(theirs)] += alike * max(0.0, 1.0 - step / STEPS)
        scores[session[0]] = 0.0
        return np.where(scores > 0.0, scores, -np.inf)

    def _likeness(self, session: Sequence[int]) -> dict[int, float]:
        """Of the newest sessions that share an item: the sum of the shared items' weights, the newest item's is 1."""
        weight = {item: (len(session) - place) / len(session) for place, item in enumerate(session)}
        sharing = {number for item in weight for number in islice(reversed(self._holding[item]), self._sample)}
        newest = nlargest(self._sample, sharing, key=self._touched.__getitem__)
        return {number: sum(own for item, own in weight.items() if item in self._sessions[number]) for number in newest}
