"""Intervals that hold at all times at once: looked at after every value, and stopped at whenever one likes.

By betting (Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", Journal of the Royal
Statistical Society B 86:1, 2024; there "hedged grid Kelly"). Against each possible mean a gambler bets that the values
are higher, another that they are lower. If the mean is the true one, both play a fair game, and the chance that either
ever multiplies their stake by 2 / level is at most level / 2 (Ville's inequality). The interval is what they have not
refuted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

FINEST, STEPS = 1e-3, 48
_HALF = np.geomspace(FINEST, 1.0, STEPS)[:-1]
MEANS: Doubles = np.concatenate([-_HALF[::-1], [0.0], _HALF])
"""The means that are bet against: ends of intervals are among them (or -1 and 1)."""
SHARES: Doubles = np.geomspace(0.01, 0.95, 16)
"""Which shares of what they have gamblers bet; the stake is divided equally, so that none need know the best one."""
_ABOVE = 2.0 / (1.0 + MEANS)
_BELOW = 2.0 / (1.0 - MEANS)


class SequenceInterval(Struct, frozen=True):
    """A mean of `count` values, and between which bounds the true one lies."""

    mean: float
    lower: float
    upper: float
    count: int


class ConfidenceSequence:
    """The mean of values in [-1, 1], with an interval that at a share of at most `level` of all sequences ever errs.

    Values may depend on those before them. Guaranteed, each at `level` / 2: if every value's expectation, given those
    before it, is at most m, `lower` never exceeds m; if it is at least m, `upper` is never below m.

    >>> sequence = ConfidenceSequence(0.05)
    >>> sequence.add([0.4, 0.6] * 50)
    >>> found = sequence.interval()
    >>> round(found.mean, 3), found.lower > 0.35, found.upper < 0.7
    (0.5, True, True)
    """

    def __init__(self, level: float) -> None:
        self._bar = np.log(2.0 / level)
        self.count = 0
        self.total = 0.0
        self.stakes: Doubles = np.zeros((2, len(MEANS), len(SHARES)))
        """Logarithms of what each gambler has: `[above, below] x means x shares`."""

    def add(self, values: Sequence[float]) -> None:
        """The next values, in their order.

        Raises:
            ValueError: one is not within [-1, 1].
        """
        given = np.asarray(values, np.float64)
        if not (np.abs(given) <= 1.0).all():
            raise ValueError(f"values {values!r} are not all within [-1, 1]")
        up = (1.0 + given[:, None]) / 2.0
        for side, odds in enumerate((up * _ABOVE, (1.0 - up) * _BELOW)):
            self.stakes[side] += np.log1p(SHARES * (odds - 1.0)[:, :, None]).sum(axis=0)
        self.count += len(given)
        self.total += float(given.sum())

    def interval(self) -> SequenceInterval:
        """What is known by now; nothing is within [-1, 1]."""
        most = self.stakes.max(axis=2)
        wealth = most + np.log(np.exp(self.stakes - most[:, :, None]).mean(axis=2))
        low, high = MEANS[wealth[0] >= self._bar], MEANS[wealth[1] >= self._bar]
        lower = float(low[-1]) if len(low) else -1.0
        upper = float(high[0]) if len(high) else 1.0
        return SequenceInterval(self.total / self.count if self.count else 0.0, lower, upper, self.count)
