"""What a user chooses at this time of day and of the week, from their own newest choices.

Users who come back to the same items do so at their hours: the coffee in the morning, the gym on Tuesdays. A choice
counts more the nearer its time of day (or of the week) is to now: by exp(k (cos(angle) - 1)), the form of a von Mises
density (Mardia and Jupp, Directional Statistics, 2000): half as much 2.3 hours off, or 11 in the week.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.decay import DAY

PERIODS = np.array([DAY, 7.0 * DAY])
CONCENTRATION = np.array([4.0, 8.0])
"""The von Mises concentration k, by period."""

Doubles = NDArray[np.float64]


def at_this_time(ages: Doubles, cells: NDArray[np.int64], size: int) -> Doubles:
    """Return log(1 + choices near this time of day, of the week) in each of `size` cells: `[2, size]`; `ages` are how
    many seconds ago the choices were and `cells` in which each counts, `[choices]`.

    >>> at_this_time(np.array([7.0 * DAY, 10.5 * DAY]), np.array([1, 1]), 2).round(2).tolist()
    [[0.0, 0.69], [0.0, 0.69]]
    """
    angles = 2.0 * np.pi * ages / PERIODS[:, None]
    weights = np.exp(CONCENTRATION[:, None] * (np.cos(angles) - 1.0))
    return np.log1p(np.stack([np.bincount(cells, own, minlength=size) for own in weights]))
