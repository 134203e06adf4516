"""Intervals of means over events by bootstrap over users, whose events belong together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from inference.evaluation.intervals.interval import Doubles, Interval, sums_by_user

RESAMPLES = 1_000
CONFIDENCE = 0.95
RESAMPLES_AT_ONCE = 50
"""How many resamples are drawn in one array of counts, `[50, users]`."""


class MeanInterval(Interval, frozen=True, rename={"value": "mean"}):
    """The interval of a mean over events; JSON reports call its value `mean`."""

    value: float


def clustered(
    values: Doubles, users: NDArray[np.int32], *, seed: int, resamples: int = RESAMPLES
) -> list[MeanInterval]:
    """Return percentile intervals of the means of `values [events, metrics]`, one per metric, resampling whole users.

    `users [events]` says whose event each is. Users are drawn with replacement and all their events with them (cluster
    bootstrap: Field and Welsh, JRSS B 2007; percentile: Efron, 1981), so that many events of one user do not count as
    evidence from many users. The same seed gives the same intervals; every metric is resampled alike.

    >>> values = np.array([[1.0], [0.0], [1.0], [0.0]])
    >>> [interval] = clustered(values, np.array([0, 0, 1, 1], np.int32), seed=1, resamples=100)
    >>> interval
    MeanInterval(value=0.5, low=0.5, high=0.5)
    """
    if not len(values):
        return [MeanInterval(0.0, 0.0, 0.0)] * values.shape[1]
    sums, sizes = sums_by_user(values, users)
    means = values.mean(axis=0)
    resampled = np.concatenate(list(_resampled_means(sums, sizes, np.random.default_rng(seed), resamples)))
    tail = 50.0 * (1.0 - CONFIDENCE)
    low, high = np.percentile(resampled, [tail, 100.0 - tail], axis=0)
    return [MeanInterval(*map(float, ends)) for ends in zip(means, low, high, strict=True)]


def _resampled_means(sums: Doubles, sizes: Doubles, rng: np.random.Generator, resamples: int) -> Iterator[Doubles]:
    """Yield the means of the resamples, `[resamples, metrics]` in parts."""
    users = len(sizes)
    for start in range(0, resamples, RESAMPLES_AT_ONCE):
        size = min(RESAMPLES_AT_ONCE, resamples - start)
        counts = rng.multinomial(users, np.full(users, 1.0 / users), size=size)
        yield (counts @ sums) / (counts @ sizes)[:, None]
