"""Intervals of a mean that hold at all times at once: look after every value, stop whenever you like.

By betting (Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", Journal of the Royal
Statistical Society B 86:1, 2024; there "hedged grid Kelly"). Against each possible mean one gambler bets that the
values are higher, another that they are lower. If the mean is the true one, both play a fair game, and the probability
that either ever multiplies their stake by 2 / level is at most level / 2 (Ville's inequality). The interval holds the
means that the gamblers have not refuted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inference.evaluation.intervals.interval import Doubles, Interval

FINEST_MEAN, MEAN_STEPS = 1e-3, 48
_POSITIVE_MEANS = np.geomspace(FINEST_MEAN, 1.0, MEAN_STEPS)[:-1]
MEANS: Doubles = np.concatenate([-_POSITIVE_MEANS[::-1], [0.0], _POSITIVE_MEANS])
"""The means that are bet against: the bounds of intervals are among them (or -1 and 1)."""
BET_SHARES: Doubles = np.geomspace(0.01, 0.95, 16)
"""Which shares of their stake gamblers bet; the stake is divided equally, so that none need know the best share."""
_ODDS_ABOVE = 2.0 / (1.0 + MEANS)
_ODDS_BELOW = 2.0 / (1.0 - MEANS)


class ConfidenceSequence:
    """The mean of values in [-1, 1], with an interval that errs in at most a share `level` of all sequences.

    Values may depend on those before them. Guaranteed, each at `level` / 2: if every value's expectation, given those
    before it, is at most m, `low` never exceeds m; if it is at least m, `high` is never below m.

    >>> sequence = ConfidenceSequence(0.05)
    >>> sequence.add([0.4, 0.6] * 50)
    >>> interval = sequence.interval()
    >>> round(interval.value, 3), interval.low > 0.35, interval.high < 0.7
    (0.5, True, True)
    """

    def __init__(self, level: float) -> None:
        self._bar = np.log(2.0 / level)
        self.count = 0
        self.total = 0.0
        self.stakes: Doubles = np.zeros((2, len(MEANS), len(BET_SHARES)))
        """Logarithms of what each gambler has: `[above, below] x means x shares`."""

    def add(self, values: Sequence[float]) -> None:
        """Add the next values, in their order.

        Raises:
            ValueError: a value is not within [-1, 1].
        """
        added = np.asarray(values, np.float64)
        if not (np.abs(added) <= 1.0).all():
            raise ValueError(f"values {values!r} are not all within [-1, 1]: scale them first")
        up = (1.0 + added[:, None]) / 2.0
        for side, odds in enumerate((up * _ODDS_ABOVE, (1.0 - up) * _ODDS_BELOW)):
            self.stakes[side] += np.log1p(BET_SHARES * (odds - 1.0)[:, :, None]).sum(axis=0)
        self.count += len(added)
        self.total += float(added.sum())

    def interval(self) -> Interval:
        """Return the mean of the values so far with its bounds; without a value that is 0, between -1 and 1."""
        highest = self.stakes.max(axis=2)
        wealth = highest + np.log(np.exp(self.stakes - highest[:, :, None]).mean(axis=2))
        refuted_below, refuted_above = MEANS[wealth[0] >= self._bar], MEANS[wealth[1] >= self._bar]
        low = float(refuted_below[-1]) if len(refuted_below) else -1.0
        high = float(refuted_above[0]) if len(refuted_above) else 1.0
        return Interval(self.total / self.count if self.count else 0.0, low, high)
