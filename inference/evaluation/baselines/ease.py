"""EASE, refitted daily: a linear autoencoder without its diagonal (Steck, WWW 2019), in closed form."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.evaluation.baselines.baseline import Baseline, Daily, Doubles, People
from schemas.ids import UserId

Floats = NDArray[np.float32]
MOST = 3_000
"""How many items take part, those that most people chose: weights are kept for all pairs, 36 MB, and inverted daily."""


class Ease(Baseline):
    """Scores are `x @ weights` for the person's items `x`; choosing an item again adds nothing.

    Items beyond the `most` popular ones are neither recommended by it nor heard.
    """

    def __init__(self, penalty: float = 200.0, most: int = MOST) -> None:
        super().__init__()
        self._penalty = penalty
        self._most = most
        self._people = People()
        self._daily = Daily()
        self._kept = np.empty(0, np.int64)
        self._row: dict[int, int] = {}
        self._weights: Floats = np.zeros((0, 0), np.float32)

    def take(self, user: UserId, item: int, at: float) -> None:
        """See `Baseline`."""
        self._people.add(user, item)

    def scores(self, known: Sequence[int], now: float) -> Doubles | None:
        """See `Baseline`; none if all of the person's items are new since the last fit, or beyond the most popular."""
        if self._daily.is_due(now):
            self._fit()
        rows = [self._row[item] for item in dict.fromkeys(known) if item in self._row]
        if not rows:
            return None
        scores = np.full(len(self.items.ids), -np.inf)
        scores[self._kept] = self._weights[rows].sum(axis=0)
        return scores

    def _fit(self) -> None:
        chosen = [np.unique(items) for items in self._people.chosen]
        counts = np.bincount(np.concatenate(chosen), minlength=len(self.items.ids))
        self._kept = np.argsort(-counts, kind="stable")[: self._most]
        self._row = {item: row for row, item in enumerate(self._kept.tolist())}
        gram = np.zeros((len(self._kept), len(self._kept)), np.float32)
        for items in chosen:
            rows = [self._row[item] for item in items.tolist() if item in self._row]
            gram[np.ix_(rows, rows)] += 1.0
        self._weights = autoencoder(gram, self._penalty)


def autoencoder(gram: Floats, penalty: float) -> Floats:
    """The weights `[items, items]` that reconstruct each item from the others, from how often pairs were chosen.

    They minimise ||X - XB||² + penalty ||B||² with a zero diagonal: B = I - P / diag(P), P the inverse of XᵀX plus
    the penalty on its diagonal (Steck, eq. 8).

    >>> autoencoder(np.array([[2, 1], [1, 2]], np.float32), 2.0).tolist()
    [[0.0, 0.25], [0.25, 0.0]]
    """
    inverse = np.linalg.inv(gram + np.float32(penalty) * np.eye(len(gram), dtype=np.float32))
    weights: Floats = (-inverse / np.diag(inverse)).astype(np.float32, copy=False)
    np.fill_diagonal(weights, 0.0)
    return weights
