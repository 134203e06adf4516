"""Intervals for differences of means over events, where the events of a person belong together."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

RESAMPLES = 1_000
LEVEL = 0.95
TOGETHER = 50
"""How many resamples are drawn at once: `[50, people]` counts are held."""


class Interval(Struct, frozen=True):
    """A mean and the ends of its interval."""

    mean: float
    low: float
    high: float


def clustered(
    values: NDArray[np.float64], people: NDArray[np.int32], *, seed: int, resamples: int = RESAMPLES
) -> list[Interval]:
    """Percentile intervals of the means of `values [events, measures]`, resampling whole people.

    `people [events]` names whose event each is. People are drawn with replacement and all their events with them
    (cluster bootstrap: Field and Welsh, JRSS B 2007; percentile: Efron, 1981), so that what one person does often
    does not pass for evidence from many. The same seed gives the same intervals; every measure is resampled alike.

    >>> values = np.array([[1.0], [0.0], [1.0], [0.0]])
    >>> [interval] = clustered(values, np.array([0, 0, 1, 1], np.int32), seed=1, resamples=100)
    >>> interval
    Interval(mean=0.5, low=0.5, high=0.5)
    """
    if not len(values):
        return [Interval(0.0, 0.0, 0.0)] * values.shape[1]
    sums, sizes = per_person(values, people)
    means = values.mean(axis=0)
    drawn = np.concatenate(list(_resampled(sums, sizes, np.random.default_rng(seed), resamples)))
    tail = 50.0 * (1.0 - LEVEL)
    low, high = np.percentile(drawn, [tail, 100.0 - tail], axis=0)
    return [Interval(*map(float, ends)) for ends in zip(means, low, high, strict=True)]


def per_person(
    values: NDArray[np.float64], people: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums of `values` `[people, measures]` and numbers of events `[people]`, for those who have any."""
    _, codes = np.unique(people, return_inverse=True)
    size = int(codes.max()) + 1
    sums = np.stack([np.bincount(codes, column, minlength=size) for column in values.T], axis=1).astype(np.float64)
    return sums, np.bincount(codes, minlength=size).astype(np.float64)


def _resampled(
    sums: NDArray[np.float64], sizes: NDArray[np.float64], rng: np.random.Generator, resamples: int
) -> list[NDArray[np.float64]]:
    """Means of the resamples, `[resamples, measures]` in parts."""
    people = len(sizes)
    found = []
    for start in range(0, resamples, TOGETHER):
        counts = rng.multinomial(people, np.full(people, 1.0 / people), size=min(TOGETHER, resamples - start))
        found.append((counts @ sums) / (counts @ sizes)[:, None])
    return found
