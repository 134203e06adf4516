"""Runs searches beside the event loop: one after the other, in a thread, so many waiting at most."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TypeVar

from msgspec.structs import replace

from deploy.gateway.limits import MAX_WAITING_SEARCHES
from deploy.gateway.problems import Problem
from deploy.gateway.search.encoders import QueryEncoders
from deploy.gateway.search.feed import SearchFeed
from inference.search.index import SearchIndex
from inference.search.query import FoundItems, ItemQuery
from schemas.ids import ItemId

SEARCH_SECONDS = 10.0
"""The longest wait for a search, of which an encoder takes most while it is loaded."""
_T = TypeVar("_T")


class SearchService:
    """Searches of the index, with queries encoded where perception is on."""

    def __init__(self, feed: SearchFeed, encoders: QueryEncoders) -> None:
        self.feed, self.encoders = feed, encoders
        self._thread = ThreadPoolExecutor(1, "search")
        self._waiting = 0

    async def search(self, query: ItemQuery) -> FoundItems:
        """Return what the query finds, by words and, where it has words and perception is on, by their meaning.

        Raises:
            Problem: 503, the index is not complete yet, too many searches wait, or this one took too long.
            BadFilter: the filter or the boosts cannot be read.
        """

        def run(index: SearchIndex) -> FoundItems:
            meant = self.encoders.of_words(query.words)
            return index.search(query if meant is None else replace(query, vectors=(meant,)))

        return await self.within(run)

    async def search_picture(self, picture: bytes, query: ItemQuery) -> FoundItems:
        """Return the items that look most like a picture: see `QueryEncoders.of_picture`.

        Raises:
            Problem: see `search`, and `QueryEncoders.of_picture`.
            BadFilter: see `search`.
        """
        return await self.within(
            lambda index: index.search(replace(query, vectors=(self.encoders.of_picture(picture),)))
        )

    async def like_picture(self, item: ItemId, query: ItemQuery) -> FoundItems | None:
        """Return the items that look most like an item; none if no picture of it was perceived.

        Raises:
            Problem: see `search`.
            BadFilter: see `search`.
        """
        return await self.within(lambda index: index.like_picture(item, query))

    async def within(self, run: Callable[[SearchIndex], _T]) -> _T:
        """Run a search in the thread.

        Raises:
            Problem: see `search`.
        """
        retry = {"Retry-After": "1"}
        if not self.feed.caught_up:
            text = "the gateway is still reading the catalogue; ask again in a moment"
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "catching-up", text, headers=retry)
        if self._waiting >= MAX_WAITING_SEARCHES:
            text = f"{self._waiting} searches wait; ask again in a moment"
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "busy", text, headers=retry)
        self._waiting += 1
        try:
            running = asyncio.get_running_loop().run_in_executor(self._thread, run, self.feed.index)
            return await asyncio.wait_for(running, SEARCH_SECONDS)
        except TimeoutError as exc:
            text = f"no answer within {SEARCH_SECONDS:g} s; ask again later"
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "slow-search", text, headers=retry) from exc
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Start no more searches."""
        self._thread.shutdown(wait=False, cancel_futures=True)
