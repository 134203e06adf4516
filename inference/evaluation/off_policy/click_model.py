"""The click model of doubly robust estimates: expected clicks from features and position."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.evaluation.intervals.interval import Doubles
from inference.evaluation.off_policy.estimators import Ints

Floats = NDArray[np.float32]
FOLDS = 5
RIDGE_PENALTY = 10.0
"""The ridge penalty of each feature; positions have almost none."""


def cross_fitted(clicks: Doubles, filled: NDArray[np.bool_], users: Ints, shown: Floats, wanted: Floats) -> Doubles:
    """Return expected clicks `[2, lists, positions]` of shown and of target items, see `LoggedTrial.modelled`.

    `shown` and `wanted` are features `[lists, positions, features]` (expected ones, where the target draws). The model
    is linear with an intercept for each position (ridge: Hoerl and Kennard, Technometrics 1970). It is fitted anew for
    each fold of users, without them: predictions for a list never rest on that list (Chernozhukov et al., 2018).
    """
    scale = _spread(shown[filled])
    shown, wanted = shown / scale, wanted / scale
    fold = users % FOLDS
    parts = [_moments(shown[fold == part], clicks[fold == part], filled[fold == part]) for part in range(FOLDS)]
    expected = np.zeros((2, *clicks.shape))
    for held_out in range(FOLDS):
        others = [part for other, part in enumerate(parts) if other != held_out]
        weights = _solved(sum(gram for gram, _ in others), sum(target for _, target in others), clicks.shape[1])
        own = fold == held_out
        for index, features in enumerate((shown[own], wanted[own])):
            expected[index, own] = features @ weights[clicks.shape[1] :] + weights[: clicks.shape[1]]
    return expected


def _spread(rows: Floats) -> Floats:
    """Return the standard deviation of each feature; 1 for a constant one."""
    spread = rows.std(axis=0) if len(rows) else np.ones(rows.shape[1], np.float32)
    return np.where(spread > 1e-6, spread, 1.0).astype(np.float32)


def _moments(shown: Floats, clicks: Doubles, filled: NDArray[np.bool_]) -> tuple[Doubles, Doubles]:
    """Return the moments of these lists for least squares: `[positions + features]` squared and against clicks."""
    levels = np.broadcast_to(np.eye(shown.shape[1], dtype=np.float32), (len(shown), *[shown.shape[1]] * 2))
    rows = np.concatenate([levels[filled], shown[filled]], axis=1).astype(np.float64)
    return rows.T @ rows, rows.T @ clicks[filled]


def _solved(gram: Doubles | int, target: Doubles | int, positions: int) -> Doubles:
    size = np.asarray(target).size
    penalty = np.full(size, RIDGE_PENALTY)
    penalty[:positions] = 1e-3
    weights: Doubles = np.linalg.solve(np.asarray(gram) + np.diag(penalty), np.asarray(target))
    return weights
