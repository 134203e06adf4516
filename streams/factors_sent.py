"""Which of the items' learned factors have moved since they were written to the index: only those are written again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.learning.weights_file import Weights
from inference.ranking.factors import DIMENSIONS
from schemas.ids import ItemId

TURN = 1e-3
"""By how much a vector's direction must have turned, 1 less the cosine, to be written again."""

Vectors = NDArray[np.float32]


class FactorsSent:
    """The directions that the index holds. What draws people to an item is what it is compared by: its appeal.

    After a restart nothing is known to be there, and everything is written once more.
    """

    def __init__(self) -> None:
        self._held: dict[ItemId, Vectors] = {}

    def moved(self, weights: Weights) -> tuple[list[ItemId], Vectors]:
        """The items whose appeal has turned, and its directions `[items, DIMENSIONS]`, each of length 1."""
        if not len(weights.vector_ids):
            return [], np.zeros((0, DIMENSIONS), np.float32)
        appeal = weights.vectors[:, :DIMENSIONS]
        lengths = np.linalg.norm(appeal, axis=1)
        known = lengths > 0.0
        ids = [item for item, has_one in zip(weights.vector_ids, known.tolist(), strict=True) if has_one]
        now = (appeal[known] / lengths[known, None]).astype(np.float32)
        nothing = np.zeros(DIMENSIONS, np.float32)
        held = np.stack([self._held.get(item, nothing) for item in ids]) if ids else now
        turned = np.flatnonzero(1.0 - (held * now).sum(axis=1) > TURN)
        return [ids[row] for row in turned.tolist()], now[turned]

    def sent(self, ids: list[ItemId], vectors: Vectors) -> None:
        """The index holds these now."""
        self._held.update(zip(ids, vectors, strict=True))

    def forget(self, ids: list[ItemId]) -> None:
        """These were taken out of the index."""
        for item in ids:
            self._held.pop(item, None)
