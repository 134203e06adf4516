"""Metrics from ranks, for many events at once: `ranks [events]` are ranks in the list from 1, 0 for none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.evaluation.metrics.prequential import RankingMetrics

METRIC_NAMES = ("hit_rate", "gain", "reciprocal_rank")


def contributions(ranks: NDArray[np.int16], k: int = 10) -> NDArray[np.float64]:
    """Return each event's hit, discounted gain and reciprocal rank, `[events, 3]`: their means are HR, NDCG and MRR @k.

    >>> contributions(np.array([1, 0, 3, 11], np.int16)).tolist()
    [[1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [1.0, 0.5, 0.3333333333333333], [0.0, 0.0, 0.0]]
    """
    hit = (ranks > 0) & (ranks <= k)
    rank = np.where(hit, ranks, 1).astype(np.float64)
    return np.stack([hit, hit / np.log2(rank + 1.0), hit / rank], axis=1)


def measures(ranks: NDArray[np.int16], k: int = 10) -> RankingMetrics:
    """Return the means over events; all zero without events.

    >>> measures(np.array([1, 0], np.int16))
    RankingMetrics(events=2, hit_rate=0.5, gain=0.5, reciprocal_rank=0.5)
    """
    means = contributions(ranks, k).mean(axis=0) if len(ranks) else np.zeros(3)
    return RankingMetrics(len(ranks), *map(float, means))
