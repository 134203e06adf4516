"""The served model with the local ranker as fallback: a circuit breaker between the two."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from features.circuit_breaker import CircuitBreaker
from inference.ports import Ranker, Scores, Split
from schemas.errors import RankerUnavailable

RANKED_LOCALLY = "ranker-local"
"""The degradation of a list that the local ranker scored."""


class FallbackRanker:
    """Scores by `primary`; when it is unavailable `local_ranker` scores, and the degradation says so.

    After `failures` in a row the primary is not called for `pause` seconds of `clock` (any monotonic clock), so that
    not every batch waits for its time limit.

    >>> from inference.learning.weights_file import initial_weights
    >>> from inference.local_ranker import LocalRanker
    >>> local_ranker = LocalRanker(initial_weights(("covisit",)))
    >>> ranker = FallbackRanker(local_ranker, local_ranker, clock=lambda: 0.0)
    >>> ranker.score(np.ones((1, 1, 1), np.float32), np.ones((1, 1), np.bool_)).degradation is None
    True
    """

    def __init__(
        self,
        primary: Ranker,
        local_ranker: Ranker,
        *,
        clock: Callable[[], float],
        failures: int = 3,
        pause: float = 1.0,
    ) -> None:
        self._primary = primary
        self._local_ranker = local_ranker
        self.breaker = CircuitBreaker(failures=failures, seconds=pause, clock=clock)

    def score(self, features: NDArray[np.float32], mask: NDArray[np.bool_], split: Split | None = None) -> Scores:
        """See `Ranker`; unavailable only if the local ranker is."""
        if not self.breaker.allows():
            return self._score_locally(features, mask, split)
        try:
            scores = self._primary.score(features, mask, split)
        except RankerUnavailable:
            self.breaker.failed()
            return self._score_locally(features, mask, split)
        self.breaker.worked()
        return scores

    def _score_locally(self, features: NDArray[np.float32], mask: NDArray[np.bool_], split: Split | None) -> Scores:
        return replace(self._local_ranker.score(features, mask, split), degradation=RANKED_LOCALLY)
