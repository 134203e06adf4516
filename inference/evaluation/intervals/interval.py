"""The value that every interval method returns, and the sums by user that the clustered ones work on."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


class Interval(Struct, frozen=True):
    """An estimated value with the bounds of its interval; infinite bounds say that its error is not known."""

    value: float
    low: float
    high: float


def unbounded(value: float) -> Interval:
    """Return the value with infinite bounds: too little is known to say how far it is off.

    >>> unbounded(0.5)
    Interval(value=0.5, low=-inf, high=inf)
    """
    return Interval(value, -np.inf, np.inf)


def sums_by_user(values: Doubles, users: NDArray[np.integer]) -> tuple[Doubles, Doubles]:
    """Sum `values` `[events, metrics]` by user: `[users, metrics]`, and the number of events of each user `[users]`.

    `users [events]` says whose event each is; users without an event have no row.

    >>> sums, sizes = sums_by_user(np.array([[1.0], [2.0], [4.0]]), np.array([7, 9, 7]))
    >>> sums.tolist(), sizes.tolist()
    ([[5.0], [2.0]], [2.0, 1.0])
    """
    _, codes = np.unique(users, return_inverse=True)
    size = int(codes.max()) + 1
    sums = np.stack([np.bincount(codes, column, minlength=size) for column in values.T], axis=1).astype(np.float64)
    return sums, np.bincount(codes, minlength=size).astype(np.float64)
