"""Ridge regression whose rows may be replaced at any time (Hoerl and Kennard, Technometrics 1970)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]
Values = NDArray[np.floating]


class OnlineRidge:
    """The weighted least squares of `outputs` numbers from `inputs` numbers, with a penalty on squared coefficients.

    The sums `X'WX` and `X'WY` are kept, and each row as it was last given: a row that changes is taken out of the sums
    and put in again. So the coefficients depend on the newest rows alone (but for rounding, some 1e-12), whatever they
    were before. A change costs `inputs x (inputs + outputs)` operations, a solution `inputs^3 / 3`, whatever the number
    of rows.

    >>> ridge = OnlineRidge(inputs=2, outputs=1, capacity=4)
    >>> ridge.put(np.array([0, 3]), np.eye(2, dtype=np.float32), np.array([[2.0], [4.0]]), np.ones(2))
    >>> ridge.solve(penalty=1.0).ravel().tolist()
    [1.0, 2.0]
    >>> ridge.put(np.array([3]), np.zeros((1, 2), np.float32), np.zeros((1, 1)), np.zeros(1))
    >>> ridge.solve(penalty=1.0).ravel().tolist()
    [1.0, 0.0]
    """

    def __init__(self, *, inputs: int, outputs: int, capacity: int) -> None:
        self._x: Floats = np.zeros((capacity, inputs), np.float32)
        self._y: Floats = np.zeros((capacity, outputs), np.float32)
        self._weight: Floats = np.zeros(capacity, np.float32)
        self._gram: Doubles = np.zeros((inputs, inputs))
        self._cross: Doubles = np.zeros((inputs, outputs))

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` rows."""
        spare = capacity - len(self._x)
        self._x, self._y, self._weight = (
            np.concatenate([part, np.zeros((spare, *part.shape[1:]), np.float32)])
            for part in (self._x, self._y, self._weight)
        )

    def put(self, rows: Numbers, x: Values, y: Values, weight: Values) -> None:
        """Replace different rows: `x [rows, inputs]`, `y [rows, outputs]`, `weight [rows]`, 0 for no row."""
        weight, y = weight.astype(np.float32), y.astype(np.float32)
        stays = (self._weight[rows] == weight) & (self._x[rows] == x).all(axis=1)
        kept, moved = rows[stays], rows[~stays]
        self._cross += _weighted(x[stays], weight[stays]) @ np.subtract(y[stays], self._y[kept], dtype=np.float64)
        self._y[kept] = y[stays]
        self._add(moved, -1.0)
        self._x[moved], self._y[moved], self._weight[moved] = x[~stays], y[~stays], weight[~stays]
        self._add(moved, 1.0)

    def solve(self, penalty: float) -> Doubles:
        """Return the coefficients, `[inputs, outputs]`; 0 for an input that no row has."""
        used = np.flatnonzero(self._gram.diagonal() > 1e-9)
        coefficients = np.zeros(self._cross.shape)
        gram = self._gram[np.ix_(used, used)]
        gram.flat[:: len(used) + 1] += penalty
        coefficients[used] = np.linalg.solve(gram, self._cross[used])
        return coefficients

    def _add(self, rows: Numbers, sign: float) -> None:
        weighted = sign * _weighted(self._x[rows], self._weight[rows])
        self._gram += weighted @ self._x[rows]
        self._cross += weighted @ self._y[rows]


def _weighted(x: Values, weight: Values) -> Doubles:
    """Return the rows times their weights, `[inputs, rows]`, in double precision."""
    return np.multiply(x.T, weight, dtype=np.float64)
