"""V-SKNN: sessions similar to the current one vote for their items (Ludewig and Jannach, UMUAI 2018).

Later items count more, both in the similarity of sessions and in the weight of a neighbour's vote. It is incremental by
nature: a session can be a neighbour as soon as it has two items.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from heapq import nlargest
from itertools import islice

import numpy as np

from features.user_state import SESSION_GAP
from inference.evaluation.baselines.baseline import Baseline, Doubles
from schemas.ids import ItemId, UserId

SESSION_ITEMS = 20
"""How many of the user's newest items make the current session."""
VOTE_STEPS = 10
"""How far back in the current session the newest shared item still gives a neighbour a vote."""
MAX_SESSIONS_PER_ITEM = 1_000
"""How many of the newest sessions are stored for each item."""


class VSknn(Baseline):
    """`neighbours` of the `sample` newest sessions that share an item vote. With `whole` a session is all that a user
    ever chose, which suits streams where users come for one item at a time. The user's own session is among the
    neighbours, so that repeats are found; items of the current session are excluded, unless `again` is set.
    """

    def __init__(self, neighbours: int = 100, sample: int = 500, *, whole: bool = True, again: bool = False) -> None:
        super().__init__()
        self._neighbours, self._sample = neighbours, sample
        self._whole, self._again = whole, again
        self._sessions: list[dict[int, None]] = []
        self._updated_at: list[int] = []
        self._open: dict[UserId, tuple[int, float]] = {}
        self._session: dict[UserId, set[ItemId]] = {}
        self._sessions_of: list[dict[int, None]] = []
        self._clock = 0

    def learn_choice(self, user: UserId, item: int, at: float) -> None:
        """See `Baseline`."""
        number, last = self._open.get(user, (-1, -np.inf))
        if number < 0 or (not self._whole and at - last > SESSION_GAP):
            number = len(self._sessions)
            self._sessions.append({})
            self._updated_at.append(0)
        if at - last > SESSION_GAP:
            self._session[user] = set()
        self._session[user].add(self.items.ids[item])
        self._open[user] = (number, at)
        self._clock += 1
        self._updated_at[number] = self._clock
        self._sessions[number][item] = None
        if item == len(self._sessions_of):
            self._sessions_of.append({})
        sessions = self._sessions_of[item]
        sessions.pop(number, None)
        sessions[number] = None
        if len(sessions) > MAX_SESSIONS_PER_ITEM:
            del sessions[next(iter(sessions))]

    def top_of(
        self, user: UserId, history: Sequence[ItemId], now: float, k: int, exclude: Collection[ItemId]
    ) -> list[ItemId]:
        """See `Personal`."""
        in_session = now - self._open.get(user, (-1, -np.inf))[1] <= SESSION_GAP
        current = self._session[user] if in_session and not self._again else ()
        return self.top(history, now, k, {*exclude, *current})

    def scores(self, known: Sequence[int], now: float) -> Doubles | None:
        """See `Baseline`."""
        session = list(dict.fromkeys(reversed(known)))[:SESSION_ITEMS]
        similarity = self._similarity(session)
        nearest = nlargest(self._neighbours, similarity.items(), key=lambda pair: (pair[1], self._updated_at[pair[0]]))
        scores = np.zeros(len(self.items.ids))
        for number, closeness in nearest:
            neighbour = self._sessions[number]
            step = next(index for index, item in enumerate(session) if item in neighbour)
            scores[list(neighbour)] += closeness * max(0.0, 1.0 - step / VOTE_STEPS)
        scores[session[0]] = 0.0
        return np.where(scores > 0.0, scores, -np.inf)

    def _similarity(self, session: Sequence[int]) -> dict[int, float]:
        """Return, by session that shares an item, the sum of the shared items' weights; the newest item's is 1."""
        weight = {item: (len(session) - index) / len(session) for index, item in enumerate(session)}
        sharing = {number for item in weight for number in islice(reversed(self._sessions_of[item]), self._sample)}
        newest = nlargest(self._sample, sharing, key=self._updated_at.__getitem__)
        return {number: sum(own for item, own in weight.items() if item in self._sessions[number]) for number in newest}
