"""What a click is expected to be, from features and place: the model that doubly robust estimates lean on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.evaluation.intervals.interval import Doubles
from inference.evaluation.off_policy.estimators import Ints

Floats = NDArray[np.float32]
FOLDS = 5
RIDGE = 10.0
"""How many clicks' worth of doubt there is in each feature."""


def cross_fitted(clicks: Doubles, filled: NDArray[np.bool_], users: Ints, shown: Floats, wanted: Floats) -> Doubles:
    """Expected clicks `[2, lists, places]` of what was shown and of what the target wants, see `Trial.modelled`.

    `shown` and `wanted` are features `[lists, places, features]` (expected ones, where the target draws). The model is
    linear with a level for each place (ridge: Hoerl and Kennard, Technometrics 1970). It is fitted anew for each fold
    of users, without them: what it says of a list never rests on that list (Chernozhukov et al., 2018).
    """
    scale = _spread(shown[filled])
    shown, wanted = shown / scale, wanted / scale
    fold = users % FOLDS
    parts = [_moments(shown[fold == each], clicks[fold == each], filled[fold == each]) for each in range(FOLDS)]
    expected = np.zeros((2, *clicks.shape))
    for each in range(FOLDS):
        others = [part for other, part in enumerate(parts) if other != each]
        weights = _solved(sum(gram for gram, _ in others), sum(target for _, target in others), clicks.shape[1])
        mine = fold == each
        for place, features in enumerate((shown[mine], wanted[mine])):
            expected[place, mine] = features @ weights[clicks.shape[1] :] + weights[: clicks.shape[1]]
    return expected


def _spread(rows: Floats) -> Floats:
    """The standard deviation of each feature; 1 for one that never varies."""
    spread = rows.std(axis=0) if len(rows) else np.ones(rows.shape[1], np.float32)
    return np.where(spread > 1e-6, spread, 1.0).astype(np.float32)


def _moments(shown: Floats, clicks: Doubles, filled: NDArray[np.bool_]) -> tuple[Doubles, Doubles]:
    """What least squares needs of these lists: `[places + features]` squared and against clicks."""
    levels = np.broadcast_to(np.eye(shown.shape[1], dtype=np.float32), (len(shown), *[shown.shape[1]] * 2))
    rows = np.concatenate([levels[filled], shown[filled]], axis=1).astype(np.float64)
    return rows.T @ rows, rows.T @ clicks[filled]


def _solved(gram: Doubles | int, target: Doubles | int, places: int) -> Doubles:
    size = np.asarray(target).size
    doubt = np.full(size, RIDGE)
    doubt[:places] = 1e-3
    weights: Doubles = np.linalg.solve(np.asarray(gram) + np.diag(doubt), np.asarray(target))
    return weights
