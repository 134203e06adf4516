"""An item index in the process: exact, for tests, backtests and small catalogues."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from agents.actions.ports import IndexedItem, Similar, Vectors, others_like
from agents.memory.embedding import clamped, normalised
from schemas.ids import ItemId


class InProcessItems:
    """Every item with its unit vector; a search is one matrix product over the items that pass the filter."""

    def __init__(self) -> None:
        self._items: dict[ItemId, tuple[IndexedItem, Vectors]] = {}

    def put(self, items: Sequence[IndexedItem], vectors: Vectors) -> None:
        for item, vector in zip(items, normalised(vectors), strict=True):
            self._items[item.item_id] = (item, vector)

    def similar(self, vector: Vectors, k: int, *, categories: Collection[str] = ()) -> tuple[Similar, ...]:
        wanted = set(categories)
        candidates = [
            (item.item_id, embedding)
            for item, embedding in self._items.values()
            if not wanted or not wanted.isdisjoint(item.categories)
        ]
        if not candidates:
            return ()
        similarity = np.stack([embedding for _, embedding in candidates]) @ normalised(vector[None])[0]
        found = [Similar(item, clamped(float(score))) for (item, _), score in zip(candidates, similarity, strict=True)]
        return tuple(sorted(found, key=lambda similar: (-similar.similarity, similar.item_id))[:k])

    def like(self, item: ItemId, k: int) -> tuple[Similar, ...]:
        return others_like(self, self._items[item][1], item, k) if item in self._items else ()

    def delete(self, items: Sequence[ItemId]) -> None:
        for item in items:
            self._items.pop(item, None)
