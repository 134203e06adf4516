"""An item index in the process: exact, for tests, replay and small catalogues."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from agents.actions.ports import IndexedItem, Similar, Vectors, others_like
from agents.memory.embedding import clamped, normalised
from schemas.ids import ItemId


class InProcessItems:
    """Holds every item and its unit vector; a search is one matrix product over those that the filter lets through."""

    def __init__(self) -> None:
        self._held: dict[ItemId, tuple[IndexedItem, Vectors]] = {}

    def put(self, items: Sequence[IndexedItem], vectors: Vectors) -> None:
        for item, vector in zip(items, normalised(vectors), strict=True):
            self._held[item.item_id] = (item, vector)

    def similar(self, vector: Vectors, k: int, *, categories: Collection[str] = ()) -> tuple[Similar, ...]:
        wanted = set(categories)
        held = [
            (item.item_id, known)
            for item, known in self._held.values()
            if not wanted or not wanted.isdisjoint(item.categories)
        ]
        if not held:
            return ()
        similarity = np.stack([known for _, known in held]) @ normalised(vector[None])[0]
        found = [Similar(item, clamped(float(score))) for (item, _), score in zip(held, similarity, strict=True)]
        return tuple(sorted(found, key=lambda one: (-one.similarity, one.item_id))[:k])

    def like(self, item: ItemId, k: int) -> tuple[Similar, ...]:
        return others_like(self, self._held[item][1], item, k) if item in self._held else ()

    def delete(self, items: Sequence[ItemId]) -> None:
        for item in items:
            self._held.pop(item, None)
