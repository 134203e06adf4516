"""Means over people, and differences of them with intervals that may be looked at at any time.

What one person does often is not evidence from many: everything here is summed by person first, and a mean is a ratio
of sums (clicks per list: all clicks over all lists). Its error follows from what the ratio would be without each of
the people.

The interval of a difference is an asymptotic confidence sequence (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas,
"Time-uniform central limit theory and asymptotic confidence sequences", Annals of Statistics 52:6, 2024): wider than
the usual one, and in return it holds at all looks at once, from when sums over people are about normal. The betting
sequence of `inference.evaluation.intervals.confidence_sequence` would hold exactly, but it takes each value for a new
one; a person who clicks much comes again and again, always in the same arm.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from inference.evaluation.off_policy.estimators import Estimate, estimate

Doubles = NDArray[np.float64]
TIGHTEST = 1_000
"""At so many people the interval of a difference is as tight as one of its kind can be."""


class Sums(Struct, frozen=True):
    """What each of some people brings to a ratio: `tops` over `bottoms`, float64 `[people]`, all bottoms above 0."""

    tops: Doubles
    bottoms: Doubles

    @property
    def value(self) -> float:
        """The ratio; 0 of nobody."""
        return float(self.tops.sum() / self.bottoms.sum()) if len(self.bottoms) else 0.0

    @property
    def influence(self) -> Doubles:
        """By how much the ratio would be lower without each person, `[people]`, less what that is on average.

        Leaving people out (the jackknife) tells what one person is worth who makes up most of a sum; the usual
        linearisation takes a ratio that such a person dictates for a sure one.
        """
        others = np.maximum(self.bottoms.sum() - self.bottoms, 1e-300)
        moved: Doubles = (self.tops - self.value * self.bottoms) / others
        return moved - moved.mean() if len(moved) else moved


def sums_of(tops: Doubles, bottoms: Doubles) -> Sums:
    """The sums of those who bring anything to the ratio.

    >>> sums_of(np.array([1.0, 0.0, 2.0]), np.array([2.0, 0.0, 2.0])).value
    0.75
    """
    there = bottoms > 0.0
    return Sums(tops[there], bottoms[there])


def once(sums: Sums, confidence: float = 0.95) -> Estimate:
    """The ratio with an interval for one look, clustered by person."""
    people = len(sums.bottoms)
    return estimate(sums.value + people * sums.influence, np.arange(people), confidence)


def difference(one: Sums, other: Sums, level: float) -> Estimate:
    """By how much the ratio of some people is above that of others; see the module's first lines for the interval.

    Where people do not differ, or there are fewer than two of a kind, it is not known: the interval has no ends.
    """
    return _anytime(one.value - other.value, (one.influence, other.influence), level)


def paired(sums: Sums, level: float) -> Estimate:
    """The ratio itself, where each person's top is a difference already; the interval as for `difference`."""
    return _anytime(sums.value, (sums.influence,), level)


def _anytime(value: float, influences: tuple[Doubles, ...], level: float) -> Estimate:
    sizes = [len(moved) for moved in influences]
    if min(sizes) < 2:
        return Estimate(value, -np.inf, np.inf)
    square = sum(float((moved**2).sum()) * size / (size - 1) for moved, size in zip(influences, sizes, strict=True))
    if square < 1e-24:
        return Estimate(value, -np.inf, np.inf)
    wide = reach(sum(sizes), level) * float(np.sqrt(square))
    return Estimate(value, value - wide, value + wide)


def reach(people: int, level: float, tightest: int = TIGHTEST) -> float:
    """How many standard errors an interval reaches that holds for any number of people at once.

    >>> [round(reach(people, 0.05), 2) for people in (100, 1_000, 10_000, 1_000_000)]
    [3.86, 3.04, 3.24, 3.87]
    """
    doubled = -2.0 * np.log(level)
    spread = people * (doubled + np.log(doubled + 1.0)) / tightest
    return float(np.sqrt(2.0 * (spread + 1.0) / spread * np.log(np.sqrt(spread + 1.0) / level)))
