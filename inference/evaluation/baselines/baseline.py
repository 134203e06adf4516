"""What a sceptic's baseline is: a model under the floors' two verbs, filled up by decayed popularity."""

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
    """A floor that needs to know whose list it makes, not only what they chose."""

    def top_of(
        self, user: UserId, history: Sequence[ItemId], now: float, k: int, exclude: Collection[ItemId]
    ) -> list[ItemId]:
        """As `Floor.top`, for this person."""
        ...


class Baseline(ABC):
    """A model over item numbers that is tested before it learns. What its scores leave open is filled with decayed
    popularity, so that strangers get a list and no baseline is beaten for want of one.
    """

    def __init__(self) -> None:
        self.items = ItemNumbers()
        self._popular = DecayedPopularity()

    @abstractmethod
    def scores(self, known: Sequence[int], now: float) -> Doubles | None:
        """Every item's score `[items]`, -inf for what is not to be recommended; none if there is nothing to say.

        `known` are the person's items, oldest first, at least one.
        """

    @abstractmethod
    def take(self, user: UserId, item: int, at: float) -> None:
        """The person chose the item of this number."""

    def top(self, history: Sequence[ItemId], now: float, k: int, exclude: Collection[ItemId]) -> list[ItemId]:
        """See `Floor`."""
        known = [self.items.number[item] for item in history if item in self.items.number]
        scores = self.scores(known, now) if known else None
        return self.filled(scores, history, now, k, exclude)

    def filled(
        self, scores: Doubles | None, history: Sequence[ItemId], now: float, k: int, exclude: Collection[ItemId]
    ) -> list[ItemId]:
        """The `k` best by these scores, then by popularity."""
        found = self._best(scores, k, exclude) if scores is not None else []
        if len(found) < k:
            found += self._popular.top(history, now, k - len(found), {*exclude, *found})
        return found

    def learn(self, user: UserId, item: ItemId, at: float) -> None:
        """See `Floor`."""
        self._popular.learn(user, item, at)
        self.take(user, self.items.of(item), at)

    def _best(self, scores: Doubles, k: int, exclude: Collection[ItemId]) -> list[ItemId]:
        scores = scores.copy()
        scores[[self.items.number[item] for item in exclude if item in self.items.number]] = -np.inf
        size = min(k, len(scores))
        found = np.argpartition(-scores, size - 1)[:size] if size else np.empty(0, np.int64)
        found = found[np.isfinite(scores[found])]
        return [self.items.ids[number] for number in found[np.argsort(-scores[found], kind="stable")].tolist()]


class Daily:
    """When a model that is refitted daily is due: a day of event time after the last fit, at the first question.

    >>> daily = Daily()
    >>> daily.is_due(0.0), daily.is_due(3_600.0), daily.is_due(90_000.0)
    (True, False, True)
    """

    def __init__(self) -> None:
        self._fitted_at = -np.inf

    def is_due(self, now: float) -> bool:
        """Whether to fit now; asked again within a day, not."""
        if now - self._fitted_at < DAY:
            return False
        self._fitted_at = now
        return True


class People:
    """What each person chose, by item number, in order; people by number, in order of appearance."""

    def __init__(self) -> None:
        self.number: dict[UserId, int] = {}
        self.chosen: list[list[int]] = []

    def add(self, user: UserId, item: int) -> int:
        """The person's number."""
        number = self.number.setdefault(user, len(self.chosen))
        if number == len(self.chosen):
            self.chosen.append([])
        self.chosen[number].append(item)
        return number
