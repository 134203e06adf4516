"""The time as of which decayed weights are kept, so that they need no change as time passes (forward decay)."""

from __future__ import annotations

from math import exp2, trunc

from features.half_lives import HalfLife

FIRST_LANDMARK = 1_577_836_800.0
"""2020-01-01."""
MOST_HALVINGS = 96.0
"""How many half-lives the newest event may be away from the landmark: float32 holds 126 either way."""
LARGEST, SMALLEST = 120.0, -1_000.0
"""The exponents that factors are kept within."""


class Landmark:
    """A landmark for float32 weights of one half-life. It moves where the newest event is too far away, so that weights
    neither overflow nor vanish, whatever the half-life and the dates.

    >>> landmark = Landmark(HalfLife(seconds=100.0))
    >>> landmark.follow(FIRST_LANDMARK + 50.0), landmark.follow(FIRST_LANDMARK + 10_000.0) == 2.0**-100
    (1.0, True)
    >>> landmark.scale(FIRST_LANDMARK + 10_000.0), landmark.decay(FIRST_LANDMARK + 10_100.0)
    (1.0, 0.5)
    """

    def __init__(self, half_life: HalfLife) -> None:
        self._half_life = half_life.seconds
        self._at = FIRST_LANDMARK
        self._is_first = True

    def follow(self, newest: float) -> float:
        """Move near the newest event time, if it is too far ahead (the first: too far away); return the factor, a power
        of 2, that carries kept weights to the landmark. Before the first event there are no weights.
        """
        halvings = (newest - self._at) / self._half_life
        is_first, self._is_first = self._is_first, False
        if halvings <= MOST_HALVINGS and not (is_first and halvings < -MOST_HALVINGS):
            return 1.0
        whole = trunc(halvings)
        self._at += whole * self._half_life
        return 1.0 if is_first else exp2(max(SMALLEST, -whole))

    def scale(self, at: float) -> float:
        """Return the factor that carries weights as of `at` to the landmark."""
        return exp2(max(SMALLEST, min(LARGEST, (at - self._at) / self._half_life)))

    def decay(self, now: float) -> float:
        """Return the factor that carries weights from the landmark to `now`."""
        return exp2(max(SMALLEST, min(LARGEST, (self._at - now) / self._half_life)))
