"""Ratios over users, and their differences with intervals that hold however often one looks.

Many events of one user are not evidence from many users: everything here is summed by user first, and a mean is a ratio
of sums (clicks per list: all clicks over all lists). Its error follows from the jackknife: what the ratio would be
without each of the users.

The interval of a difference is an asymptotic confidence sequence (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas,
"Time-uniform central limit theory and asymptotic confidence sequences", Annals of Statistics 52:6, 2024): wider than
the usual interval, and in return it holds at all looks at once, from when sums over users are about normal. The
sequence of `inference.evaluation.intervals.confidence_sequence` would hold exactly, but it takes each value for a new
one; a user who clicks much comes again and again, always in the same arm.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from inference.evaluation.intervals.cluster_robust import cluster_robust
from inference.evaluation.intervals.interval import Doubles, Interval, unbounded

TIGHTEST_AT_USERS = 1_000
"""At this many users the interval of a difference is as tight as one of its kind can be."""


class UserRatios(Struct, frozen=True):
    """What each user adds to a ratio: `tops` over `bottoms`, float64 `[users]`, all bottoms above 0."""

    tops: Doubles
    bottoms: Doubles

    @property
    def value(self) -> float:
        """The ratio; 0 without users."""
        return float(self.tops.sum() / self.bottoms.sum()) if len(self.bottoms) else 0.0

    @property
    def influence(self) -> Doubles:
        """By how much the ratio would be lower without each user, `[users]`, less the mean of that.

        Leaving users out (the jackknife) shows the influence of a user who makes up most of a sum; the usual
        linearisation takes a ratio that such a user dictates for a certain one.
        """
        others = np.maximum(self.bottoms.sum() - self.bottoms, 1e-300)
        moved: Doubles = (self.tops - self.value * self.bottoms) / others
        return moved - moved.mean() if len(moved) else moved


def ratios_of(tops: Doubles, bottoms: Doubles) -> UserRatios:
    """Return the ratio over those users who add anything to it.

    >>> ratios_of(np.array([1.0, 0.0, 2.0]), np.array([2.0, 0.0, 2.0])).value
    0.75
    """
    counted = bottoms > 0.0
    return UserRatios(tops[counted], bottoms[counted])


def one_look(ratios: UserRatios, confidence: float = 0.95) -> Interval:
    """Return the ratio with an interval for one look, clustered by user."""
    users = len(ratios.bottoms)
    return cluster_robust(ratios.value + users * ratios.influence, np.arange(users), confidence)


def difference(left: UserRatios, right: UserRatios, level: float) -> Interval:
    """Return how far the ratio of the left users is above that of the right ones, valid at every look.

    With fewer than two users on a side, or users who do not differ, the error is not known: the interval is unbounded.
    """
    return _sequence_interval(left.value - right.value, (left.influence, right.influence), level)


def paired(ratios: UserRatios, level: float) -> Interval:
    """Return the ratio itself, where each user's top is a difference already; the interval is as for `difference`."""
    return _sequence_interval(ratios.value, (ratios.influence,), level)


def _sequence_interval(value: float, influences: tuple[Doubles, ...], level: float) -> Interval:
    sizes = [len(moved) for moved in influences]
    if min(sizes) < 2:
        return unbounded(value)
    square = sum(float((moved**2).sum()) * size / (size - 1) for moved, size in zip(influences, sizes, strict=True))
    if square < 1e-24:
        return unbounded(value)
    half_width = reach(sum(sizes), level) * float(np.sqrt(square))
    return Interval(value, value - half_width, value + half_width)


def reach(users: int, level: float, tightest: int = TIGHTEST_AT_USERS) -> float:
    """Return how many standard errors an interval reaches that holds for any number of users at once.

    >>> [round(reach(users, 0.05), 2) for users in (100, 1_000, 10_000, 1_000_000)]
    [3.86, 3.04, 3.24, 3.87]
    """
    doubled = -2.0 * np.log(level)
    spread = users * (doubled + np.log(doubled + 1.0)) / tightest
    return float(np.sqrt(2.0 * (spread + 1.0) / spread * np.log(np.sqrt(spread + 1.0) / level)))
