"""The interval of a mean for one look, clustered by user and corrected for skewness.

The spread of each list's influence on the mean is summed by user (Liang and Zeger, Biometrika 1986), as lists of one
user are alike. Its skewness is taken out (Hall, JRSS B 1992), because a few large weights make it lopsided.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from inference.evaluation.intervals.interval import Doubles, Interval, sums_by_user, unbounded


def cluster_robust(parts: Doubles, users: NDArray[np.integer], confidence: float = 0.95) -> Interval:
    """Return the mean of `parts [lists]` with its interval; `users [lists]` says whose list each is.

    With fewer than two users, or users who do not differ, the error is not known: the interval is unbounded.

    >>> cluster_robust(np.zeros(2), np.array([0, 1]))
    Interval(value=0.0, low=-inf, high=inf)
    """
    if not len(parts):
        return unbounded(0.0)
    value = float(parts.mean())
    sums = sums_by_user((parts - value)[:, None], users)[0][:, 0]
    error = float(np.sqrt((sums**2).sum()))
    if len(sums) < 2 or error < 1e-12:
        return unbounded(value)
    skew = float((sums**3).sum()) / error**3
    scale = error * np.sqrt(len(sums) / (len(sums) - 1)) / len(parts)
    reach = student_quantile(confidence, len(sums) - 1)
    low, high = (value - float(scale) * _skew_corrected(side, skew) for side in (reach, -reach))
    return Interval(value, low, high)


def _skew_corrected(quantile: float, skew: float) -> float:
    """Return the quantile for a mean whose terms are skewed (Hall, JRSS B 1992); `skew` is that of the mean.

    >>> [round(_skew_corrected(quantile, 0.3), 2) for quantile in (1.96, -1.96)], _skew_corrected(1.96, 1e-9)
    ([1.63, -2.65], 1.96)
    """
    if abs(skew) < 1e-6:
        return quantile
    return float(3.0 / skew * (np.cbrt(1.0 + skew * (quantile - skew / 6.0)) - 1.0))


def student_quantile(confidence: float, freedom: int) -> float:
    """Return the two-sided quantile of Student's t, expanded around the normal's (Abramowitz and Stegun 26.7.5).

    >>> round(student_quantile(0.95, 10), 2), round(student_quantile(0.95, 1_000), 2)
    (2.23, 1.96)
    """
    x = NormalDist().inv_cdf(0.5 + confidence / 2.0)
    first = (x**3 + x) / 4.0
    second = (5.0 * x**5 + 16.0 * x**3 + 3.0 * x) / 96.0
    third = (3.0 * x**7 + 19.0 * x**5 + 17.0 * x**3 - 15.0 * x) / 384.0
    return x + first / freedom + second / freedom**2 + third / freedom**3
