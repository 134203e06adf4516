"""Exposure: which lists of honest users hold a pushed item, beside those of popularity and decayed popularity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from inference.evaluation.baselines.evaluator import ChoiceRow, K
from inference.evaluation.baselines.simple import DecayedPopularity, Popularity
from schemas.ids import ItemId, UserId
from streams.backtest.evaluated_rows import Codes
from streams.backtest.evaluator import EvaluatedList

SYSTEMS = ("Lifelong", "strangers", "popularity", "decayed popularity")
"""Whose lists are measured: Lifelong's for the user, its non-personalised one, and those of two baselines."""


class Exposed(Struct, frozen=True, kw_only=True):
    """Lists of honest users in the order of their choices: `holds` bool `[targets, lists, systems]` says whether the
    list holds the target, `users` int32 and `at` (event time) `[lists]` whose list it is and of when.
    """

    holds: NDArray[np.bool_]
    users: NDArray[np.int32]
    at: NDArray[np.float64]


class ExposureMeter:
    """Observes a replay: every evaluated choice is one of an honest user, and counts one list of each system."""

    def __init__(self) -> None:
        self._targets: tuple[ItemId, ...] = ()
        self._baselines = (Popularity(), DecayedPopularity())
        self._histories: dict[UserId, list[ItemId]] = {}
        self._codes = Codes[UserId]()
        self._shown: tuple[ItemId, ...] = ()
        self.strangers: tuple[ItemId, ...] = ()
        """The non-personalised list just before the next choice."""
        self._holds: list[list[tuple[bool, ...]]] = []
        self._users: list[int] = []
        self._at: list[float] = []

    def aim(self, targets: Sequence[ItemId]) -> None:
        """Name the pushed items, before the first evaluated choice."""
        self._targets = tuple(targets)
        self._holds = [[] for _ in self._targets]

    def shown(self, evaluated: EvaluatedList) -> None:
        """Take the list that was ranked just before the next choice."""
        self._shown = evaluated.shown

    def choice(self, row: ChoiceRow) -> None:
        """Measure the lists just before the choice if it is evaluated, then let the baselines learn from it."""
        history = self._histories.setdefault(row.user, [])
        if row.evaluated:
            self._measure(row, history)
        for baseline in self._baselines:
            baseline.learn(row.user, row.item, row.at)
        history.append(row.item)

    def exposed(self) -> Exposed:
        """Return what was measured."""
        shape = (len(self._targets), len(self._users), len(SYSTEMS))
        return Exposed(
            holds=np.array(self._holds, np.bool_).reshape(shape),
            users=np.array(self._users, np.int32),
            at=np.array(self._at),
        )

    def _measure(self, row: ChoiceRow, history: Sequence[ItemId]) -> None:
        mask: Sequence[ItemId] = row.without if row.repeats else (*history, *row.without)
        tops = [baseline.top(history, row.at, K, mask) for baseline in self._baselines]
        lists = (self._shown, self.strangers, *tops)
        for holds, target in zip(self._holds, self._targets, strict=True):
            holds.append(tuple(target in items for items in lists))
        self._users.append(self._codes.of(row.user))
        self._at.append(row.at)
