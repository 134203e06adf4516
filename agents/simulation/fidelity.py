"""How like real people the simulated ones are: on choices that were held out, and by distributions of behaviour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from agents.simulation.catalogue import Doubles
from agents.simulation.fitting import worths
from agents.simulation.history import Pair
from agents.simulation.persona import Manner


class Judged(Struct, frozen=True, kw_only=True):
    """Real choices beside items as popular that were not chosen, each judged by the fitted manner: float64 `[pairs]`.

    `right` is the share of the two that is accepted or rejected rightly (0, 0.5 or 1), `preferred` whether the chosen
    item is worth more (0.5 if equal), `popular` whether it is the more popular one. A coin has 0.5 in each.
    """

    right: Doubles
    preferred: Doubles
    popular: Doubles


def judge(pairs: Sequence[Pair], manner: Manner, conformity: int) -> Judged:
    """Judge held-out choices; `conformity` is the factor that says how popular an item is."""
    chosen, matched = worths(pairs, manner)
    popularity = [np.array([getattr(pair, name)[conformity] for pair in pairs]) for name in ("chosen", "matched")]
    return Judged(
        right=((chosen > manner.threshold).astype(np.float64) + (matched <= manner.threshold)) / 2.0,
        preferred=_wins(chosen, matched),
        popular=_wins(*popularity),
    )


def _wins(left: Doubles, right: Doubles) -> Doubles:
    wins: Doubles = (left > right) + 0.5 * (left == right)
    return wins


def distance(left: Sequence[float], right: Sequence[float]) -> float:
    """Return the Kolmogorov-Smirnov distance of two samples: the largest difference of their cumulative shares.

    >>> distance([1, 2, 3], [1, 2, 3]), distance([1, 1], [2, 2])
    (0.0, 1.0)
    """
    if not len(left) or not len(right):
        return 1.0
    values = np.unique(np.concatenate([left, right]))
    return float(np.abs(_cumulative(left, values) - _cumulative(right, values)).max())


def _cumulative(sample: Sequence[float], values: NDArray[np.float64]) -> Doubles:
    shares: Doubles = np.searchsorted(np.sort(sample), values, side="right") / len(sample)
    return shares
