"""Whether taste drifts: the distance of the mood from the habit, watched for a lasting rise.

The distance is the Jensen-Shannon divergence (Lin, IEEE Trans. Inf. Theory 1991) of the two distributions of liked
categories. A person of many interests is always some way off; a Page-Hinkley test (Page, Biometrika 1954) asks
whether the distance has risen above that person's own mean.
"""

from __future__ import annotations

from math import log2

from msgspec import Struct

WARM_UP = 16
"""Judgements before the test may speak."""
TOLERANCE = 0.03
"""A rise of the mean distance that is not worth a word."""
THRESHOLD = 0.6
"""How much excess distance, summed over judgements, makes a drift.

With these, synthetic people of five interests among eighteen categories gave no false alarm in 15,000 judgements, and
one whose interests were all replaced was noticed after 17 judgements on average (30 of 30).
"""


class Drift(Struct, frozen=True, array_like=True):
    """The test's memory since the last drift: distances seen, their mean, the summed excess and its minimum."""

    seen: int = 0
    mean: float = 0.0
    excess: float = 0.0
    lowest: float = 0.0


def divergence(left: dict[str, float], right: dict[str, float]) -> float:
    """The Jensen-Shannon divergence of the positive parts, in bits: 0 the same, 1 nothing in common, or one empty.

    >>> divergence({"jazz": 1.0}, {"jazz": 5.0}), divergence({"jazz": 1.0}, {"folk": 1.0})
    (0.0, 1.0)
    """
    all_left = sum(weight for weight in left.values() if weight > 0.0)
    all_right = sum(weight for weight in right.values() if weight > 0.0)
    if not all_left or not all_right:
        return float(all_left != all_right)
    total = 0.0
    for name in sorted(left.keys() | right.keys()):
        p = max(0.0, left.get(name, 0.0)) / all_left
        q = max(0.0, right.get(name, 0.0)) / all_right
        middle = (p + q) / 2.0
        total += (p * log2(p / middle) if p else 0.0) + (q * log2(q / middle) if q else 0.0)
    return total / 2.0


def watch(drift: Drift, distance: float) -> tuple[Drift, bool]:
    """One more distance, and whether it has risen for good; the test begins anew after it has.

    >>> watch(Drift(), 0.1)[1]
    False
    """
    seen = drift.seen + 1
    mean = drift.mean + (distance - drift.mean) / seen
    excess = drift.excess + distance - mean - TOLERANCE
    lowest = min(drift.lowest, excess)
    if seen > WARM_UP and excess - lowest > THRESHOLD:
        return Drift(), True
    return Drift(seen, mean, excess, lowest), False
