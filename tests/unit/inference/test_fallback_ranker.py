"""The local ranker is the fallback while the served model is unavailable; the degradation says so."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from inference.fallback_ranker import RANKED_LOCALLY, FallbackRanker
from inference.learning.weights_file import initial_weights
from inference.local_ranker import LocalRanker
from inference.ports import Scores, Split
from schemas.errors import RankerUnavailable

FEATURES = np.ones((1, 2, 1), np.float32)
MASK = np.ones((1, 2), np.bool_)


class Served:
    """A served model that can be away."""

    def __init__(self) -> None:
        self.away = False
        self.calls = 0

    def score(self, features: NDArray[np.float32], mask: NDArray[np.bool_], split: Split | None = None) -> Scores:
        self.calls += 1
        if self.away:
            raise RankerUnavailable("away")
        return Scores(features[..., 0], 7)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def pair() -> tuple[FallbackRanker, Served, Clock]:
    served, clock = Served(), Clock()
    local_ranker = LocalRanker(initial_weights(("covisit",)))
    return FallbackRanker(served, local_ranker, clock=clock, failures=2, pause=1.0), served, clock


def test_the_served_model_scores_while_it_is_available() -> None:
    ranker, _, _ = pair()
    assert ranker.score(FEATURES, MASK).degradation is None
    assert ranker.score(FEATURES, MASK).model_version == 7


def test_the_local_ranker_is_the_fallback_and_the_degradation_says_so() -> None:
    ranker, served, _ = pair()
    served.away = True
    scores = ranker.score(FEATURES, MASK)
    assert (scores.degradation, scores.model_version) == (RANKED_LOCALLY, 0)
    assert np.isfinite(scores.values).all()


def test_after_repeated_failures_the_served_model_is_not_called_for_a_while() -> None:
    ranker, served, _ = pair()
    served.away = True
    for _ in range(10):
        ranker.score(FEATURES, MASK)
    assert served.calls == 2
    assert ranker.breaker.is_open


def test_it_recovers_without_a_restart() -> None:
    ranker, served, clock = pair()
    served.away = True
    for _ in range(3):
        ranker.score(FEATURES, MASK)
    served.away, clock.now = False, 2.0
    assert ranker.score(FEATURES, MASK).degradation is None
    assert not ranker.breaker.is_open


def test_a_failed_try_opens_the_breaker_for_another_pause() -> None:
    ranker, served, clock = pair()
    served.away = True
    for _ in range(3):
        ranker.score(FEATURES, MASK)
    clock.now = 2.0
    ranker.score(FEATURES, MASK)
    ranker.score(FEATURES, MASK)
    assert served.calls == 3


def test_while_the_served_model_is_away_arms_keep_their_own_weights() -> None:
    start = initial_weights(("covisit",))
    arm = {name: part + 1.0 for name, part in start.arrays.items()}
    served = Served()
    served.away = True
    ranker = FallbackRanker(served, LocalRanker(replace(start, others={"bold": arm})), clock=Clock())
    split = Split(variants=("", "bold"), own=np.array([0, 1], np.int32), prequential_queries=np.array([1], np.int32))
    features, mask = np.ones((2, 2, 1), np.float32), np.ones((2, 2), np.bool_)
    usual, bold = (LocalRanker(replace(start, arrays=own)).score(features, mask).values for own in (start.arrays, arm))
    scores = ranker.score(features, mask, split)
    assert scores.degradation == RANKED_LOCALLY
    assert np.array_equal(scores.values, [usual[0], bold[1]])
    assert not np.array_equal(usual, bold)
    assert scores.prequential_queries is not None
    assert np.array_equal(scores.prequential_queries[:, 0], [usual[1], bold[1]])
