"""What actions need from outside: an index that finds items like others."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from schemas.ids import ItemId

Vectors = NDArray[np.float32]


class IndexedItem(Struct, frozen=True):
    """An item as the index knows it: its id and the categories to filter by."""

    item_id: ItemId
    categories: tuple[str, ...] = ()


class Similar(Struct, frozen=True):
    """An item that was found, and its cosine similarity to what was asked, in [-1, 1]."""

    item_id: ItemId
    similarity: float


class ItemIndex(Protocol):
    """A projection of the `items` topic or of what was learned of items, written behind it and read by similarity.

    Every method may block for a round trip, may be called twice with the same effect as once, and raises
    `StoreUnavailable` if the index does not answer. Reads are eventual: what was put a moment ago may be missing.
    """

    def put(self, items: Sequence[IndexedItem], vectors: Vectors) -> None:
        """Write items with their vectors, float32 `[items, width]`, replacing those with the same id.

        Of one id given twice the last counts.
        """
        ...

    def similar(self, vector: Vectors, k: int, *, categories: Collection[str] = ()) -> tuple[Similar, ...]:
        """The k items most like `vector` `[width]`, the likest first, equal ones by id.

        Only items of one of `categories` are found, unless that is empty.
        """
        ...

    def like(self, item: ItemId, k: int) -> tuple[Similar, ...]:
        """The k items most like this one by the vectors held, never itself, in the order of `similar`.

        Empty if the index does not hold it.
        """
        ...

    def delete(self, items: Sequence[ItemId]) -> None:
        """Take items out: they were withdrawn. What is not there is passed over."""
        ...


def others_like(index: ItemIndex, vector: Vectors, item: ItemId, k: int) -> tuple[Similar, ...]:
    """The k items most like this one's `vector` `[width]`, never itself."""
    return tuple(one for one in index.similar(vector, k + 1) if one.item_id != item)[:k]
