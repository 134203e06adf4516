"""The four simple baselines that any recommender must beat, online and incremental.

Each has two verbs: `top` before the event is known, `learn` after it. They get the same rows and masks as the
recommender.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from features.decay import DAY
from schemas.ids import ItemId, UserId

POPULARITY_HALF_LIFE = 1 * DAY
VOTING_ITEMS = 20
"""How many of a user's newest items vote."""
VOTE_DECAY = 0.8
"""The weight of an item's vote against that of the next newer one."""
PAIR_WINDOW = 20
"""With how many of a user's newest items a new choice is counted as chosen together."""
SIMILARITY_SHRINKAGE = 5.0
"""How many users are added to each item's count, as two users who agree are little evidence (Bell and Koren, 2007)."""
POPULARITY_SHARE = 0.1
FILL_WEIGHT = 1e-9
"""The weight of popularity where no neighbour votes: it only fills up a list."""


class SimpleBaseline(Protocol):
    """A simple recommender that is scored test-then-train."""

    def top(self, history: Sequence[ItemId], now: float, k: int, exclude: Collection[ItemId]) -> list[ItemId]:
        """Return at most `k` items, best first, none of `exclude`; `history` are the user's items, oldest first."""
        ...

    def learn(self, user: UserId, item: ItemId, at: float) -> None:
        """Learn that the user chose the item at this event time, which is not before the last one."""
        ...


class ItemNumbers:
    """Items by number, in order of appearance."""

    def __init__(self) -> None:
        self.ids: list[ItemId] = []
        self.number: dict[ItemId, int] = {}

    def of(self, item: ItemId) -> int:
        number = self.number.setdefault(item, len(self.ids))
        if number == len(self.ids):
            self.ids.append(item)
        return number

    def best(self, scores: NDArray[np.float64], k: int, exclude: Collection[ItemId]) -> list[ItemId]:
        """Return the items of the `k` highest scores above zero; of equal ones the lower number first."""
        scores = scores.copy()
        scores[[self.number[item] for item in exclude if item in self.number]] = 0.0
        size = min(k, len(scores))
        if not size:
            return []
        edge = np.partition(scores, len(scores) - size)[len(scores) - size]
        best = np.flatnonzero(scores >= max(edge, np.nextafter(0.0, 1.0)))
        best = best[np.argsort(-scores[best], kind="stable")][:size]
        return [self.ids[number] for number in best.tolist()]


class DecayedPopularity:
    """Counts that halve every `half_life` seconds; an infinite one makes it plain popularity.

    >>> baseline = DecayedPopularity()
    >>> baseline.learn(UserId("u"), ItemId("a"), 0.0)
    >>> baseline.top((), 1.0, 10, ())
    ['a']
    """

    def __init__(self, half_life: float = POPULARITY_HALF_LIFE) -> None:
        self._half_life = half_life
        self.items = ItemNumbers()
        self._landmark = 0.0
        self._counts = np.zeros(1_024)

    def scores(self) -> NDArray[np.float64]:
        """Return every item's count, `[items]`, up to a common factor."""
        return self._counts[: len(self.items.ids)]

    def top(self, history: Sequence[ItemId], now: float, k: int, exclude: Collection[ItemId]) -> list[ItemId]:
        """See `SimpleBaseline`."""
        return self.items.best(self.scores(), k, exclude)

    def learn(self, user: UserId, item: ItemId, at: float) -> None:
        """See `SimpleBaseline`."""
        number = self.items.of(item)
        if number == len(self._counts):
            self._counts = np.concatenate([self._counts, np.zeros_like(self._counts)])
        if (at - self._landmark) / self._half_life > 64.0:
            self._counts *= 2.0 ** -min(1_000.0, (at - self._landmark) / self._half_life)
            self._landmark = at
        self._counts[number] += 2.0 ** ((at - self._landmark) / self._half_life)


class Popularity(DecayedPopularity):
    """How often each item was ever chosen."""

    def __init__(self) -> None:
        super().__init__(half_life=float("inf"))


class _CoChosenItems:
    """The items that the same users chose as one item, and the number of those users."""

    def __init__(self) -> None:
        self.size = 0
        self._index: dict[int, int] = {}
        self._items = np.zeros(8, np.int64)
        self._users = np.zeros(8)

    def add(self, item: int) -> None:
        index = self._index.get(item)
        if index is not None:
            self._users[index] += 1.0
            return
        if self.size == len(self._items):
            self._items = np.concatenate([self._items, np.zeros_like(self._items)])
            self._users = np.concatenate([self._users, np.zeros_like(self._users)])
        self._index[item] = self.size
        self._items[self.size], self._users[self.size] = item, 1.0
        self.size += 1

    def nearest(self, k: int | None, root: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the `k` nearest items (or all) and their closeness; `root` is 1 / sqrt(users + shrinkage) of every
        item.
        """
        items = self._items[: self.size]
        closeness = self._users[: self.size] * root[items]
        if k is None or self.size <= k:
            return items, closeness
        nearest = np.argpartition(-closeness, k - 1)[:k]
        return items[nearest], closeness[nearest]


class ItemKnn:
    """Item-based nearest neighbours: cosine over the users who chose both items (Sarwar et al., WWW 2001).

    Recency counts twice, as in session-based methods (Ludewig and Jannach, UMUAI 2018): only items that a user chooses
    within `PAIR_WINDOW` of each other are pairs, and newer items of a history vote with more weight. An item's score is
    the sum of those votes; popularity fills up the rest. On MovieTweetings, Online Retail and MovieLens 100K this is
    clearly better than counting all pairs and weighting all votes equally.
    """

    def __init__(self, neighbours: int | None = None) -> None:
        self._neighbours = neighbours
        self.items = ItemNumbers()
        self._together: list[_CoChosenItems] = []
        self._count = np.zeros(1_024)
        self._root = np.zeros(1_024)
        self._chosen: dict[UserId, dict[int, None]] = {}

    def scores(self, history: Sequence[ItemId]) -> NDArray[np.float64]:
        """Return every item's score, `[items]`."""
        size = len(self.items.ids)
        total = FILL_WEIGHT * self._count[:size]
        newest = list(islice(dict.fromkeys(reversed(history)), VOTING_ITEMS))
        known = [self.items.number[item] for item in newest if item in self.items.number]
        if known:
            rows = [self._together[number].nearest(self._neighbours, self._root) for number in known]
            near = np.concatenate([items for items, _ in rows])
            weights = VOTE_DECAY ** np.arange(len(known)) * self._root[known]
            votes = np.concatenate([weight * closeness for weight, (_, closeness) in zip(weights, rows, strict=True)])
            total += np.bincount(near, votes, minlength=size)
        return total

    def top(self, history: Sequence[ItemId], now: float, k: int, exclude: Collection[ItemId]) -> list[ItemId]:
        """See `SimpleBaseline`."""
        return self.items.best(self.scores(history), k, exclude)

    def learn(self, user: UserId, item: ItemId, at: float) -> None:
        """See `SimpleBaseline`; choosing an item again counts no pair anew, but makes it the newest."""
        number = self.items.of(item)
        if number == len(self._together):
            self._together.append(_CoChosenItems())
        if number == len(self._count):
            self._count = np.concatenate([self._count, np.zeros_like(self._count)])
            self._root = np.concatenate([self._root, np.zeros_like(self._root)])
        chosen = self._chosen.setdefault(user, {})
        if number not in chosen:
            self._count[number] += 1.0
            self._root[number] = (self._count[number] + SIMILARITY_SHRINKAGE) ** -0.5
            own = self._together[number]
            for other in islice(reversed(chosen), PAIR_WINDOW):
                own.add(other)
                self._together[other].add(number)
        chosen.pop(number, None)
        chosen[number] = None


class KnnWithDecayedPopularity:
    """Nearest neighbours plus a little decayed popularity, each as a share of its own highest score.

    With `parts` it reads two baselines that learn elsewhere, and learns nothing itself.
    """

    def __init__(self, share: float = POPULARITY_SHARE, parts: tuple[ItemKnn, DecayedPopularity] | None = None) -> None:
        self._scaled_to_highest = share
        self._learns = parts is None
        self._knn, self._popularity = parts or (ItemKnn(), DecayedPopularity())

    def top(self, history: Sequence[ItemId], now: float, k: int, exclude: Collection[ItemId]) -> list[ItemId]:
        """See `SimpleBaseline`."""
        near, popular = self._knn.scores(history), self._popularity.scores()
        scores = _scaled_to_highest(near) + self._scaled_to_highest * _scaled_to_highest(popular)
        return self._knn.items.best(scores, k, exclude)

    def learn(self, user: UserId, item: ItemId, at: float) -> None:
        """See `SimpleBaseline`."""
        if self._learns:
            self._knn.learn(user, item, at)
            self._popularity.learn(user, item, at)


def _scaled_to_highest(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    highest = scores.max(initial=0.0)
    return scores / highest if highest > 0.0 else scores
