"""The ranker in this process: the network's forward pass in numpy, held to the served one within 1e-5."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.learning.weights_file import Weights
from inference.ports import Scores, Split
from inference.ranking.network import forward

Floats = NDArray[np.float32]


class LocalRanker:
    """Scores by the weights that were loaded last, as the served model does; tests rank with it, too.

    >>> from inference.learning.weights_file import initial_weights
    >>> ranker = LocalRanker(initial_weights(("covisit", "age")))
    >>> features = np.array([[[1.0, 0.0], [0.5, 0.0]]], np.float32)
    >>> ranker.score(features, np.array([[True, False]])).values.tolist()
    [[2.0, -inf]]
    """

    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    @property
    def version(self) -> int:
        """The version of the loaded weights."""
        return self._weights.version

    def load_weights(self, weights: Weights) -> bool:
        """Score by these weights from the next call on; return False and refuse weights of another feature schema."""
        if weights.table != self._weights.table:
            return False
        self._weights = weights
        return True

    def score(self, features: Floats, mask: NDArray[np.bool_], split: Split | None = None) -> Scores:
        """See `Ranker`; never unavailable."""
        weights = self._weights
        if split is not None:
            return _by_variant(weights, features, mask, split)
        values = np.where(mask, forward(weights.arrays, features), np.float32(-np.inf))
        return Scores(values, weights.version)


def _by_variant(weights: Weights, features: Floats, mask: NDArray[np.bool_], split: Split) -> Scores:
    """Score each row by its own variant's weights, and prequential queries by all variants in a separate pass.

    The pass is separate because prequential queries must never change a list.
    """
    values = np.empty(mask.shape, np.float32)
    for number, name in enumerate(split.variants):
        rows = np.flatnonzero(split.own == number)
        if len(rows):
            values[rows] = forward(weights.of(name), features if len(rows) == len(features) else features[rows])
    values[~mask] = -np.inf
    return Scores(
        values,
        weights.version,
        prequential_queries=_prequential_scores(weights, features, mask, split)
        if len(split.prequential_queries)
        else None,
        absent=tuple(name for name in split.variants if name and name not in weights.others),
    )


def _prequential_scores(weights: Weights, features: Floats, mask: NDArray[np.bool_], split: Split) -> Floats:
    evaluated = features[split.prequential_queries]
    scores = np.stack([forward(weights.of(name), evaluated) for name in split.variants])
    scores[:, ~mask[split.prequential_queries]] = -np.inf
    return scores
