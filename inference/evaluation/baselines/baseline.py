"""The base class of baselines: a model behind `SimpleBaseline`, filled up by decayed popularity."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from features.decay import DAY
from inference.evaluation.baselines.simple import DecayedPopularity, ItemNumbers
from schemas.ids import ItemId, UserId

Doubles = NDArray[np.float64]


@runtime_checkable
class Personal(Protocol):
    """A baseline that needs to know whose list it makes, not only what they chose."""

    def top_of(
        self, user: UserId, history: Sequence[ItemId], now: float, k: int, exclude: Collection[ItemId]
    ) -> list[ItemId]:
        """Return as `SimpleBaseline.top`, for this user."""
        ...


class Baseline(ABC):
    """A model over item numbers that is tested before it learns. Slots that its scores leave open are filled with
    decayed popularity, so that unknown users get a list and no baseline loses for lack of one.
    """

    def __init__(self) -> None:
        self.items = ItemNumbers()
        self._popular = DecayedPopularity()

    @abstractmethod
    def scores(self, known: Sequence[int], now: float) -> Doubles | None:
        """Return every item's score `[items]`, -inf for items not to be recommended; none if it has no scores.

        `known` are the user's items, oldest first, at least one.
        """

    @abstractmethod
    def learn_choice(self, user: UserId, item: int, at: float) -> None:
        """Learn that the user chose the item of this number."""

    def top(self, history: Sequence[ItemId], now: float, k: int, exclude: Collection[ItemId]) -> list[ItemId]:
        """See `SimpleBaseline`."""
        known = [self.items.number[item] for item in history if item in self.items.number]
        scores = self.scores(known, now) if known else None
        return self.filled(scores, history, now, k, exclude)

    def filled(
        self, scores: Doubles | None, history: Sequence[ItemId], now: float, k: int, exclude: Collection[ItemId]
    ) -> list[ItemId]:
        """Return the `k` best by these scores, then by popularity."""
        top = self._best(scores, k, exclude) if scores is not None else []
        if len(top) < k:
            top += self._popular.top(history, now, k - len(top), {*exclude, *top})
        return top

    def learn(self, user: UserId, item: ItemId, at: float) -> None:
        """See `SimpleBaseline`."""
        self._popular.learn(user, item, at)
        self.learn_choice(user, self.items.of(item), at)

    def _best(self, scores: Doubles, k: int, exclude: Collection[ItemId]) -> list[ItemId]:
        scores = scores.copy()
        scores[[self.items.number[item] for item in exclude if item in self.items.number]] = -np.inf
        size = min(k, len(scores))
        best = np.argpartition(-scores, size - 1)[:size] if size else np.empty(0, np.int64)
        best = best[np.isfinite(scores[best])]
        return [self.items.ids[number] for number in best[np.argsort(-scores[best], kind="stable")].tolist()]


class Daily:
    """The schedule of a daily refit: a model is due a day of event time after its last fit.

    >>> daily = Daily()
    >>> daily.is_due(0.0), daily.is_due(3_600.0), daily.is_due(90_000.0)
    (True, False, True)
    """

    def __init__(self) -> None:
        self._fitted_at = -np.inf

    def is_due(self, now: float) -> bool:
        """Return whether to fit now, and start the next day if so."""
        if now - self._fitted_at < DAY:
            return False
        self._fitted_at = now
        return True


class UserChoices:
    """The choices of each user, by item number, in order; users are numbered in order of appearance."""

    def __init__(self) -> None:
        self.number: dict[UserId, int] = {}
        self.chosen: list[list[int]] = []

    def add(self, user: UserId, item: int) -> int:
        """Add a choice; return the user's number."""
        number = self.number.setdefault(user, len(self.chosen))
        if number == len(self.chosen):
            self.chosen.append([])
        self.chosen[number].append(item)
        return number
