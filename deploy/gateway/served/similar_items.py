"""Similarity searches. They block, so they run one after the other in a thread beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from agents.actions.ports import ItemIndex, Similar, others_like
from features.item_content import content_vector
from schemas.errors import StoreUnavailable
from schemas.ids import ItemId
from schemas.items import Item

SEARCH_PATIENCE_SECONDS = 5.0
_T = TypeVar("_T")


class SimilarItemsService:
    """Items similar to an item. Without an index they are unavailable.

    `items` indexes content vectors, `factors` vectors learned from choices.
    """

    def __init__(self, items: ItemIndex | None, factors: ItemIndex | None = None) -> None:
        self._items = items
        self._factors = factors
        self._thread = ThreadPoolExecutor(1, "similar-items")

    async def similar(self, item: Item, n: int) -> tuple[Similar, ...]:
        """Return the n other items most similar by content, the most similar first; empty if the item has no text.

        Raises:
            StoreUnavailable: the index does not answer in time.
        """
        index = _available(self._items)
        vector = content_vector(item)
        if not vector.any():
            return ()
        return await self._in_turn(lambda: others_like(index, vector, item.item_id, n))

    async def similar_by_choices(self, item: ItemId, n: int) -> tuple[Similar, ...]:
        """Return the n items most similar by learned factors, the most similar first; empty if the item has none yet.

        Raises:
            StoreUnavailable: the index does not answer in time.
        """
        index = _available(self._factors)
        return await self._in_turn(lambda: index.like(item, n))

    def close(self) -> None:
        """Start no more searches."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _in_turn(self, search: Callable[[], _T]) -> _T:
        loop = asyncio.get_running_loop()
        try:
            return await asyncio.wait_for(loop.run_in_executor(self._thread, search), SEARCH_PATIENCE_SECONDS)
        except TimeoutError as exc:
            raise StoreUnavailable(f"no answer within {SEARCH_PATIENCE_SECONDS:g} s; ask again later") from exc


def _available(index: _T | None) -> _T:
    if index is None:
        raise StoreUnavailable("setting milvus.uri is empty: `lifelong up` starts a server, or name your own")
    return index
