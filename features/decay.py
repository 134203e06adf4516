"""Forward decay (Cormode et al., ICDE 2009): a weight depends on event time alone, so the order of arrival does not.

A decayed sum is stored as its value at the newest event time that was added. An older event is added with its weight
decayed to that time; the same events in any order give the same sum, except for rounding.
"""

from __future__ import annotations

from math import exp2

from msgspec import Struct

DAY = 86_400.0


class DecayedSum(Struct, frozen=True, array_like=True):
    """A decayed sum: `value` as of event time `at`, halved every half-life after it.

    >>> fresh = DecayedSum().add(0.0, 1.0, half_life=10.0)
    >>> fresh.read(10.0, half_life=10.0)
    0.5
    >>> newer_first = DecayedSum().add(10.0, 1.0, half_life=10.0).add(0.0, 1.0, half_life=10.0)
    >>> fresh.add(10.0, 1.0, half_life=10.0) == newer_first
    True
    """

    value: float = 0.0
    at: float = 0.0

    def add(self, at: float, weight: float, *, half_life: float) -> DecayedSum:
        """Return the sum with one more event; `half_life` in seconds."""
        if not self.value:
            return DecayedSum(weight, max(at, self.at))
        if at >= self.at:
            return DecayedSum(self.value * exp2((self.at - at) / half_life) + weight, at)
        return DecayedSum(self.value + weight * exp2((at - self.at) / half_life), self.at)

    def read(self, now: float, *, half_life: float) -> float:
        """Return the sum as of `now`; for a `now` before `at`, the value at `at`."""
        return self.value * exp2(min(0.0, self.at - now) / half_life)


def next_feature_time(previous: float, at: float) -> float:
    """Return the time of the next feature row: whole milliseconds, strictly increasing per entity, near the event time.

    Feast's online store drops a row whose time is not after the stored one.

    >>> next_feature_time(100.0, 42.5), next_feature_time(0.0, 42.5)
    (100.001, 42.5)
    """
    return round(max(previous + 0.001, at), 3)
