"""Implicit ALS by the package `implicit`, refitted daily, with each user's factors solved on request.

Hu, Koren and Volinsky, ICDM 2008; the partial fit solves the user's side alone, on their choices so far.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from implicit.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from inference.evaluation.baselines.baseline import Baseline, Daily, Doubles, UserChoices
from schemas.ids import UserId

ITERATIONS = 10


class ImplicitAls(Baseline):
    """Items that came since the last fit have no factors: they are neither recommended nor read."""

    def __init__(self, factors: int = 64, penalty: float = 0.05, alpha: float = 20.0) -> None:
        super().__init__()
        self._factors, self._penalty, self._alpha = factors, penalty, alpha
        self._users = UserChoices()
        self._daily = Daily()
        self._model: AlternatingLeastSquares | None = None
        self._fitted = 0

    def learn_choice(self, user: UserId, item: int, at: float) -> None:
        """See `Baseline`."""
        self._users.add(user, item)

    def scores(self, known: Sequence[int], now: float) -> Doubles | None:
        """See `Baseline`."""
        if self._daily.is_due(now):
            self._fit()
        fitted = [item for item in known if item < self._fitted]
        if self._model is None or not fitted:
            return None
        user = self._model.recalculate_user(0, _counted([fitted], self._fitted))
        scores = np.full(len(self.items.ids), -np.inf)
        scores[: self._fitted] = self._model.item_factors @ np.asarray(user).ravel()
        return scores

    def _fit(self) -> None:
        self._fitted = len(self.items.ids)
        self._model = als(_counted(self._users.chosen, self._fitted), self._factors, self._penalty, self._alpha)


def als(counts: csr_matrix, factors: int, penalty: float, alpha: float) -> AlternatingLeastSquares:
    """Return the model fitted to `counts [users, items]`, in one thread; the same counts give the same model."""
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(
            factors=factors,
            regularization=penalty,
            alpha=alpha,
            iterations=ITERATIONS,
            num_threads=1,
            random_state=0,
            use_gpu=False,
        )
        model.fit(counts, show_progress=False)
    return model


def _counted(chosen: Sequence[Sequence[int]], items: int) -> csr_matrix:
    """Return how often each user chose each item, `[users, items]`."""
    ends = np.cumsum([0, *(len(choices) for choices in chosen)])
    numbers = np.concatenate([np.asarray(choices, np.int32) for choices in chosen])
    counts = csr_matrix((np.ones(len(numbers), np.float32), numbers, ends), shape=(len(chosen), items))
    counts.sum_duplicates()
    return counts
