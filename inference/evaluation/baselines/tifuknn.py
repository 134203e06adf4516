"""TIFUKNN: a user's repeat purchases and those of similar users (Hu, He, Gao and Zhang, SIGIR 2020)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from scipy.sparse import csr_matrix

from features.user_state import SESSION_GAP
from inference.evaluation.baselines.baseline import Baseline, Daily, Doubles, UserChoices
from schemas.ids import ItemId, UserId

Vector = dict[int, float]
MAX_BASKETS = 100
"""How many of the newest baskets of a user count; older ones weigh next to nothing."""


class Tifuknn(Baseline):
    """A basket ends after half an hour without an event. Vectors of similar users are as of the last daily fit; the
    user's own is as of their last basket. Items of the current basket are not recommended.
    """

    def __init__(
        self,
        neighbours: int = 300,
        *,
        group: int = 7,
        within: float = 0.9,
        across: float = 0.7,
        own: float = 0.7,
    ) -> None:
        super().__init__()
        self._neighbours, self._group = neighbours, group
        self._within, self._across, self._own = within, across, own
        self._users = UserChoices()
        self._baskets: list[list[list[int]]] = []
        self._last: list[float] = []
        self._daily = Daily()
        self._user_vectors = csr_matrix((0, 0), dtype=np.float32)
        self._lengths = np.zeros(0)

    def learn_choice(self, user: UserId, item: int, at: float) -> None:
        """See `Baseline`."""
        number = self._users.add(user, item)
        if number == len(self._baskets):
            self._baskets.append([])
            self._last.append(-np.inf)
        if at - self._last[number] > SESSION_GAP:
            self._baskets[number].append([])
        self._baskets[number][-1].append(item)
        self._last[number] = at

    def scores(self, known: Sequence[int], now: float) -> Doubles | None:
        """See `Baseline`; without a user, each item is a basket."""
        return self._mixed(self._vector([[item] for item in known]), now, -1)

    def top_of(
        self, user: UserId, history: Sequence[ItemId], now: float, k: int, exclude: Collection[ItemId]
    ) -> list[ItemId]:
        """See `Personal`."""
        number = self._users.number.get(user)
        if number is None:
            return self.filled(None, history, now, k, exclude)
        baskets, current = self._baskets[number], []
        if now - self._last[number] <= SESSION_GAP:
            current = [self.items.ids[item] for item in baskets[-1]]
        scores = self._mixed(self._vector(baskets), now, number)
        return self.filled(scores, history, now, k, {*exclude, *current})

    def _vector(self, baskets: Sequence[Sequence[int]]) -> Vector:
        return personal_vector(baskets[-MAX_BASKETS:], self._group, self._within, self._across)

    def _mixed(self, vector: Vector, now: float, number: int) -> Doubles:
        """Return the user's own vector mixed with the mean of the nearest others', -inf where both are zero."""
        if self._daily.is_due(now):
            self._fit()
        own = np.zeros(len(self.items.ids))
        own[list(vector)] = list(vector.values())
        mixed = self._own * own
        fitted = self._user_vectors.shape[1]
        if self._user_vectors.shape[0]:
            distance = self._lengths - 2.0 * (self._user_vectors @ own[:fitted])
            if 0 <= number < len(distance):
                distance[number] = np.inf
            size = min(self._neighbours, len(distance))
            nearest = np.argpartition(distance, size - 1)[:size]
            mixed[:fitted] += (1.0 - self._own) * np.asarray(self._user_vectors[nearest].mean(axis=0)).ravel()
        return np.where(mixed > 0.0, mixed, -np.inf)

    def _fit(self) -> None:
        vectors = [self._vector(baskets) for baskets in self._baskets]
        ends = np.cumsum([0, *(len(vector) for vector in vectors)])
        items = np.array([item for vector in vectors for item in vector], np.int32)
        values = np.array([value for vector in vectors for value in vector.values()], np.float32)
        self._user_vectors = csr_matrix((values, items, ends), shape=(len(vectors), len(self.items.ids)))
        self._lengths = (
            np.asarray(self._user_vectors.multiply(self._user_vectors).sum(axis=1)).ravel().astype(np.float64)
        )


def personal_vector(baskets: Sequence[Sequence[int]], group: int, within: float, across: float) -> Vector:
    """Return a user as weights of items: baskets in groups of `group`, the oldest of which may be smaller; a basket
    weighs `within` to the power of how many follow it in its group, a group `across` to that of how many groups follow.

    >>> personal_vector([[1], [1, 2]], 2, 0.5, 0.9)
    {1: 0.75, 2: 0.5}
    """
    groups = -(-len(baskets) // group)
    vector: Vector = {}
    for back, basket in enumerate(reversed(baskets)):
        number, position = divmod(back, group)
        size = min(group, len(baskets) - number * group)
        weight = within**position / size * across**number / groups
        for item in dict.fromkeys(basket):
            vector[item] = vector.get(item, 0.0) + weight
    return vector
