"""The served model, and the numpy twin when it is away: a circuit breaker between the two (Nygard, Release It!)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from inference.ports import Ranker, Scores, Split
from schemas.errors import RankerUnavailable

DEGRADATION = "ranker-local"


class FallbackRanker:
    """Asks `primary`; when it is unavailable `local_ranker` answers, and the scores say so.

    After `failures` in a row the primary is left alone for `pause` seconds of `clock` (any clock that only moves
    forward), so that its time limit is not waited for in every batch. Then one call tries it again: an answer closes
    the breaker, a failure opens it for another pause. Nothing needs a restart.

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
        self._clock = clock
        self._limit = failures
        self._pause = pause
        self._failed = 0
        self._retry_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the primary is being left alone."""
        return self._failed >= self._limit and self._clock() < self._retry_at

    def score(self, features: NDArray[np.float32], mask: NDArray[np.bool_], split: Split | None = None) -> Scores:
        """See `Ranker`; unavailable only if the twin is."""
        if self.is_open:
            return self._stand_in(features, mask, split)
        try:
            scores = self._primary.score(features, mask, split)
        except RankerUnavailable:
            self._failed += 1
            self._retry_at = self._clock() + self._pause
            return self._stand_in(features, mask, split)
        self._failed = 0
        return scores

    def _stand_in(self, features: NDArray[np.float32], mask: NDArray[np.bool_], split: Split | None) -> Scores:
        return replace(self._local_ranker.score(features, mask, split), degradation=DEGRADATION)
