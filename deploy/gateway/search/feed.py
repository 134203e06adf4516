"""Feeds the gateway's search index from the topics. It does not hold up readiness: lists are served without it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from inference.search.index import SearchIndex
from schemas.errors import DecodeError
from streams.log.records import Inbound
from streams.routes import GATEWAY_SEARCH


class SearchFeed:
    """A `FedView` over a search index. Records that are not what their topic promises are skipped: others write the
    dead letters about them. One thread calls `take`.
    """

    def __init__(self, index: SearchIndex, *, clock: Callable[[], float]) -> None:
        self.index = index
        self.caught_up = False
        self.skipped = 0
        """Records that were no items, perceptions or statistics."""
        self._clock = clock

    def take(self, records: Iterable[Inbound]) -> None:
        """Apply records in log order."""
        for record in records:
            try:
                GATEWAY_SEARCH[record.topic](record, self.index, now=self._clock())
            except DecodeError:
                self.skipped += 1
