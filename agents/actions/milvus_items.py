"""An item index in Milvus, filterable by category: `items` by content, `item_factors` by learned factors."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from agents.actions.ports import IndexedItem, Similar, Vectors, others_like
from agents.memory.embedding import clamped, normalised
from agents.milvus_collection import (
    VECTOR,
    Address,
    CollectionSchema,
    Consistency,
    Field,
    MilvusCollection,
    any_of,
    quoted,
)
from schemas.ids import ItemId

_KEY = "item_id"
_FIELDS = (Field("categories", many=True),)


class MilvusItems:
    """`ItemIndex` over a Milvus server, for vectors of one width. Nothing is connected before the first call."""

    def __init__(
        self, address: Address, *, width: int, collection: str = "items", consistency: Consistency = "Eventually"
    ) -> None:
        shape = CollectionSchema(name=collection, key=_KEY, fields=_FIELDS, width=width)
        self._collection = MilvusCollection(address, shape, consistency=consistency)

    def put(self, items: Sequence[IndexedItem], vectors: Vectors) -> None:
        self._collection.upsert(
            [
                {_KEY: item.item_id, "categories": list(item.categories), VECTOR: vector}
                for item, vector in zip(items, normalised(vectors).tolist(), strict=True)
            ]
        )

    def similar(self, vector: Vectors, k: int, *, categories: Collection[str] = ()) -> tuple[Similar, ...]:
        query = normalised(vector[None])[0].tolist()
        hits = self._collection.search(query, k, _of_any(categories), (_KEY,))
        found = [Similar(row[_KEY], clamped(similarity)) for similarity, row in hits]
        return tuple(sorted(found, key=lambda similar: (-similar.similarity, similar.item_id)))

    def like(self, item: ItemId, k: int) -> tuple[Similar, ...]:
        vector = self._collection.vector_of(item)
        return others_like(self, np.array(vector, np.float32), item, k) if vector is not None else ()

    def delete(self, items: Sequence[ItemId]) -> None:
        if items:
            self._collection.delete(any_of(_KEY, items))

    def close(self) -> None:
        """Close the connection."""
        self._collection.close()


def _of_any(categories: Collection[str]) -> str:
    """Return the expression that an item is of one of these categories; empty if all items qualify."""
    if not categories:
        return ""
    return f"array_contains_any(categories, [{', '.join(map(quoted, sorted(categories)))}])"
