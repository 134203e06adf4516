"""Synchronisation of learned item factors with their index: only factors that have moved are written again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agents.actions.ports import Vectors
from features.item_factors import APPEAL, FACTOR_DIMENSIONS, SPREAD
from inference.learning.weights_file import Weights
from schemas.ids import ItemId

REWRITE_DISTANCE = 1e-3
"""The cosine distance from the written direction beyond which a vector is written again."""
LEARNED_LENGTH = 2.0 * SPREAD * FACTOR_DIMENSIONS**0.5
"""The length of an appeal beyond which it is learned: twice the length of an initial one."""


class FactorSync:
    """The directions that the index holds. Items are compared by their appeal, the factor that attracts users.

    After a restart the content of the index is unknown and all factors are written once more, also those of items that
    were withdrawn before: readers compare with the catalogue.
    """

    def __init__(self) -> None:
        self._written: dict[ItemId, Vectors] = {}
        self._withdrawn: set[ItemId] = set()

    def moved(self, weights: Weights) -> tuple[list[ItemId], Vectors]:
        """Return the items whose appeal has turned, and its unit directions `[items, FACTOR_DIMENSIONS]`."""
        if not len(weights.vector_ids):
            return [], np.zeros((0, FACTOR_DIMENSIONS), np.float32)
        appeal = weights.vectors[:, APPEAL]
        lengths = np.linalg.norm(appeal, axis=1)
        in_catalogue = np.array([item not in self._withdrawn for item in weights.vector_ids])
        rows = np.flatnonzero((lengths > LEARNED_LENGTH) & in_catalogue)
        now: Vectors = (appeal[rows] / lengths[rows, None]).astype(np.float32)
        nothing = np.zeros(FACTOR_DIMENSIONS, np.float32)
        written = np.array([self._written.get(weights.vector_ids[row], nothing) for row in rows.tolist()])
        turned = np.flatnonzero(1.0 - (written.reshape(-1, FACTOR_DIMENSIONS) * now).sum(axis=1) > REWRITE_DISTANCE)
        return [weights.vector_ids[rows[index]] for index in turned.tolist()], now[turned]

    def sent(self, ids: Sequence[ItemId], vectors: Vectors) -> None:
        """Note that the index holds these directions."""
        self._written.update((item, vector.copy()) for item, vector in zip(ids, vectors, strict=True))

    def withdrawn(self, ids: Sequence[ItemId]) -> None:
        """Note that these items are deleted from the index, until they return to the catalogue."""
        self._withdrawn.update(ids)
        for item in ids:
            self._written.pop(item, None)

    def returned(self, ids: Sequence[ItemId]) -> None:
        """Note that these items are in the catalogue."""
        self._withdrawn.difference_update(ids)
