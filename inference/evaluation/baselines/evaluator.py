"""Prequential evaluation of baselines on a stream of rows: ranks, baskets and coverage, with the recommender's
masks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from inference.evaluation.baselines.simple import (
    DecayedPopularity,
    ItemKnn,
    KnnWithDecayedPopularity,
    Popularity,
    SimpleBaseline,
)
from inference.evaluation.baselines.tuned import top_of
from inference.evaluation.metrics.baskets import BasketRecall
from inference.evaluation.metrics.coverage import CoverageCounter, CoverageMetrics
from schemas.ids import ItemId, UserId

K = 10
BASELINES = ("popularity", "decayed popularity", "item-kNN", "kNN + popularity")


class ChoiceRow(Struct, frozen=True, array_like=True):
    """One choice. `evaluated` rows are ranked before they are learned from.

    `repeats` says whether the recommender could show items that the user has chosen before; `without` are further items
    that it could not show, such as hidden ones. `basket` is the number of its basket, and `opens` whether it is the
    first in it.
    """

    user: UserId
    item: ItemId
    at: float
    evaluated: bool
    repeats: bool
    without: tuple[ItemId, ...]
    basket: int
    opens: bool


class BaselineResults(Struct, frozen=True):
    """`ranks` int16 `[evaluated rows, baselines]`: the item's rank in each list from 1, 0 if it was not in it."""

    ranks: NDArray[np.int16]
    baskets: dict[str, dict[int, float]]
    shown: dict[str, CoverageMetrics]


def make_simple_baselines() -> dict[str, SimpleBaseline]:
    """Return the four simple baselines, untrained."""
    decayed, near = DecayedPopularity(), ItemKnn()
    baselines: tuple[SimpleBaseline, ...] = (
        Popularity(),
        decayed,
        near,
        KnnWithDecayedPopularity(parts=(near, decayed)),
    )
    return dict(zip(BASELINES, baselines, strict=True))


class BaselineEvaluator:
    """Evaluates baselines (the simple ones by default) on rows in event-time order."""

    def __init__(self, baselines: Mapping[str, SimpleBaseline] | None = None) -> None:
        self._baselines = dict(baselines or make_simple_baselines())
        self._histories: dict[UserId, list[ItemId]] = {}
        self._ranks: list[tuple[int, ...]] = []
        self._recalls = {name: BasketRecall() for name in self._baselines}
        self._coverage = {name: CoverageCounter() for name in self._baselines}

    def take(self, rows: Sequence[ChoiceRow]) -> None:
        """Test, then train, on the next rows."""
        for row in rows:
            history = self._histories.setdefault(row.user, [])
            if row.evaluated:
                self._evaluate(row, history)
            self._learn(row)
            history.append(row.item)

    @property
    def hit_rate(self) -> float:
        """HR@10 so far, of the best baseline."""
        hits = np.count_nonzero(self._ranks, axis=0) if self._ranks else np.zeros(1)
        return float(hits.max()) / max(1, len(self._ranks))

    def results(self) -> BaselineResults:
        """Return the results so far."""
        return BaselineResults(
            np.array(self._ranks, np.int16).reshape(-1, len(self._baselines)),
            {name: recall.values() for name, recall in self._recalls.items()},
            {name: coverage.shown() for name, coverage in self._coverage.items()},
        )

    def _evaluate(self, row: ChoiceRow, history: Sequence[ItemId]) -> None:
        mask: Sequence[ItemId] = row.without if row.repeats else (*history, *row.without)
        ranks = []
        for name, baseline in self._baselines.items():
            top = top_of(baseline, row.user, history, row.at, K, mask)
            ranks.append(top.index(row.item) + 1 if row.item in top else 0)
            self._coverage[name].add(top)
            if row.opens:
                self._recalls[name].open(row.basket, top)
        self._ranks.append(tuple(ranks))

    def _learn(self, row: ChoiceRow) -> None:
        for name, baseline in self._baselines.items():
            baseline.learn(row.user, row.item, row.at)
            self._coverage[name].learn(row.item)
            self._recalls[name].add(row.basket, row.item)
