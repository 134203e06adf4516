"""Which of the items' learned factors have moved since they were written to the index: only those are written again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agents.actions.ports import Vectors
from features.item_factors import APPEAL, FACTOR_DIMENSIONS, SPREAD
from inference.learning.weights_file import Weights
from schemas.ids import ItemId

TURN = 1e-3
"""By how much a vector's direction must have turned, 1 less the cosine, to be written again."""
LEARNED = 2.0 * SPREAD * FACTOR_DIMENSIONS**0.5
"""How long an appeal must be to say something: twice as long as those that nothing was learned of."""


class FactorSync:
    """The directions that the index holds. What draws people to an item is what it is compared by: its appeal.

    After a restart nothing is known to be there, and everything is written once more, even what was withdrawn before:
    readers compare with the catalogue.
    """

    def __init__(self) -> None:
        self._held: dict[ItemId, Vectors] = {}
        self._gone: set[ItemId] = set()

    def moved(self, weights: Weights) -> tuple[list[ItemId], Vectors]:
        """The items whose appeal has turned, and its directions `[items, DIMENSIONS]`, each of length 1."""
        if not len(weights.vector_ids):
            return [], np.zeros((0, FACTOR_DIMENSIONS), np.float32)
        appeal = weights.vectors[:, APPEAL]
        lengths = np.linalg.norm(appeal, axis=1)
        here = np.array([item not in self._gone for item in weights.vector_ids])
        rows = np.flatnonzero((lengths > LEARNED) & here)
        now: Vectors = (appeal[rows] / lengths[rows, None]).astype(np.float32)
        nothing = np.zeros(FACTOR_DIMENSIONS, np.float32)
        held = np.array([self._held.get(weights.vector_ids[row], nothing) for row in rows.tolist()])
        turned = np.flatnonzero(1.0 - (held.reshape(-1, FACTOR_DIMENSIONS) * now).sum(axis=1) > TURN)
        return [weights.vector_ids[rows[place]] for place in turned.tolist()], now[turned]

    def sent(self, ids: Sequence[ItemId], vectors: Vectors) -> None:
        """The index holds these now."""
        self._held.update((item, vector.copy()) for item, vector in zip(ids, vectors, strict=True))

    def withdrawn(self, ids: Sequence[ItemId]) -> None:
        """These were taken out of the index and stay out until they are back in the catalogue."""
        self._gone.update(ids)
        for item in ids:
            self._held.pop(item, None)

    def returned(self, ids: Sequence[ItemId]) -> None:
        """These are in the catalogue."""
        self._gone.difference_update(ids)
