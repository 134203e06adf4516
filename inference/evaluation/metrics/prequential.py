"""Prequential metrics: whether the list that was made before an event held the item that was then chosen."""

from __future__ import annotations

from collections.abc import Mapping
from math import log2

import numpy as np
from msgspec import Struct


class RankingMetrics(Struct, frozen=True):
    """Means over events: share of hits, discounted gain of the hit, reciprocal rank."""

    events: int
    hit_rate: float
    gain: float
    reciprocal_rank: float


class Prequential:
    """Running HR@k, NDCG@k and MRR@k of one recommender.

    >>> prequential = Prequential()
    >>> prequential.add(1)
    >>> prequential.add(None)
    >>> prequential.measures()
    RankingMetrics(events=2, hit_rate=0.5, gain=0.5, reciprocal_rank=0.5)
    """

    def __init__(self, k: int = 10) -> None:
        self._k = k
        self._events = 0
        self._sums = np.zeros(3)

    def add(self, rank: int | None) -> None:
        """Add an event whose item was at `rank` (from 1) of the list, or not in it."""
        self._events += 1
        if rank is not None and rank <= self._k:
            self._sums += (1.0, discounted_gain(rank, self._k), 1.0 / rank)

    def measures(self) -> RankingMetrics:
        """Return the means so far; all zero before the first event."""
        hit_rate, gain, reciprocal_rank = (self._sums / max(1, self._events)).tolist()
        return RankingMetrics(self._events, hit_rate, gain, reciprocal_rank)


class Paired:
    """Metrics of several recommenders over the same events, so that their differences are paired."""

    def __init__(self, names: tuple[str, ...], k: int = 10) -> None:
        self._by_name = {name: Prequential(k) for name in names}

    def add(self, ranks: Mapping[str, int | None]) -> None:
        """Add an event with the rank by each recommender.

        Raises:
            KeyError: a name has no rank: the event would not be paired.
        """
        for name, measure in self._by_name.items():
            measure.add(ranks[name])

    def measures(self) -> dict[str, RankingMetrics]:
        """Return the means so far, by name."""
        return {name: measure.measures() for name, measure in self._by_name.items()}


def discounted_gain(rank: int | None, k: int = 10) -> float:
    """Return NDCG@k of a list with one relevant item at `rank` (from 1), 0 if it is below `k` or not in the list.

    >>> discounted_gain(1), discounted_gain(3), discounted_gain(None)
    (1.0, 0.5, 0.0)
    """
    return 1.0 / log2(rank + 1.0) if rank is not None and rank <= k else 0.0
