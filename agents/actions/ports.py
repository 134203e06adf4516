"""The port of actions: an index that finds similar items."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from schemas.ids import ItemId

Vectors = NDArray[np.float32]


class IndexedItem(Struct, frozen=True):
    """An item of the index: its id and the categories to filter by."""

    item_id: ItemId
    categories: tuple[str, ...] = ()


class Similar(Struct, frozen=True):
    """An item that a search returns, and its cosine similarity to the query, in [-1, 1]."""

    item_id: ItemId
    similarity: float


class ItemIndex(Protocol):
    """A projection of the `items` topic or of learned item factors, written behind it and read by similarity.

    Every method may block for a round trip, may be called twice with the same effect as once, and raises
    `StoreUnavailable` if the index does not answer. Reads are eventually consistent: an item that was just put may be
    missing.
    """

    def put(self, items: Sequence[IndexedItem], vectors: Vectors) -> None:
        """Write items with their vectors, float32 `[items, width]`, replacing those with the same id.

        Of items that share an id the last counts.
        """
        ...

    def similar(self, vector: Vectors, k: int, *, categories: Collection[str] = ()) -> tuple[Similar, ...]:
        """Return the k items most similar to `vector` `[width]`, most similar first, equal ones by id.

        Only items of one of `categories` are returned, unless that is empty.
        """
        ...

    def like(self, item: ItemId, k: int) -> tuple[Similar, ...]:
        """Return the k items most similar to this one, never itself, in the order of `similar`.

        Empty if the index does not have it.
        """
        ...

    def delete(self, items: Sequence[ItemId]) -> None:
        """Remove items that were withdrawn. Unknown ids are ignored."""
        ...


def others_like(index: ItemIndex, vector: Vectors, item: ItemId, k: int) -> tuple[Similar, ...]:
    """Return the k items most similar to this item's `vector` `[width]`, never itself."""
    return tuple(similar for similar in index.similar(vector, k + 1) if similar.item_id != item)[:k]
