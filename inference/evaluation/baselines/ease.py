"""EASE, refitted daily: a linear autoencoder without its diagonal (Steck, WWW 2019), in closed form."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.evaluation.baselines.baseline import Baseline, Daily, Doubles, UserChoices
from schemas.ids import UserId

Floats = NDArray[np.float32]
MAX_ITEMS = 3_000
"""How many of the most popular items take part: the weights of all pairs take 36 MB and are inverted daily."""


class Ease(Baseline):
    """Scores are `x @ weights` for the user's items `x`; choosing an item again adds nothing.

    Items beyond the `max_items` most popular ones are neither recommended nor read.
    """

    def __init__(self, penalty: float = 200.0, max_items: int = MAX_ITEMS) -> None:
        super().__init__()
        self._penalty = penalty
        self._max_items = max_items
        self._users = UserChoices()
        self._daily = Daily()
        self._fitted_items = np.empty(0, np.int64)
        self._row: dict[int, int] = {}
        self._weights: Floats = np.zeros((0, 0), np.float32)

    def learn_choice(self, user: UserId, item: int, at: float) -> None:
        """See `Baseline`."""
        self._users.add(user, item)

    def scores(self, known: Sequence[int], now: float) -> Doubles | None:
        """See `Baseline`; none if all of the user's items are new since the last fit, or beyond the most popular."""
        if self._daily.is_due(now):
            self._fit()
        rows = [self._row[item] for item in dict.fromkeys(known) if item in self._row]
        if not rows:
            return None
        scores = np.full(len(self.items.ids), -np.inf)
        scores[self._fitted_items] = self._weights[rows].sum(axis=0)
        return scores

    def _fit(self) -> None:
        chosen = [np.unique(items) for items in self._users.chosen]
        counts = np.bincount(np.concatenate(chosen), minlength=len(self.items.ids))
        self._fitted_items = np.argsort(-counts, kind="stable")[: self._max_items]
        self._row = {item: row for row, item in enumerate(self._fitted_items.tolist())}
        gram = np.zeros((len(self._fitted_items), len(self._fitted_items)), np.float32)
        for items in chosen:
            rows = [self._row[item] for item in items.tolist() if item in self._row]
            gram[np.ix_(rows, rows)] += 1.0
        self._weights = autoencoder(gram, self._penalty)


def autoencoder(gram: Floats, penalty: float) -> Floats:
    """Return the weights `[items, items]` that reconstruct each item from the others, given the counts of pairs.

    They minimise ||X - XB||² + penalty ||B||² with a zero diagonal: B = I - P / diag(P), P the inverse of XᵀX plus the
    penalty on its diagonal (Steck, eq. 8).

    >>> autoencoder(np.array([[2, 1], [1, 2]], np.float32), 2.0).tolist()
    [[0.0, 0.25], [0.25, 0.0]]
    """
    inverse = np.linalg.inv(gram + np.float32(penalty) * np.eye(len(gram), dtype=np.float32))
    weights: Floats = (-inverse / np.diag(inverse)).astype(np.float32, copy=False)
    np.fill_diagonal(weights, 0.0)
    return weights
