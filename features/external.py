"""Features that other teams own, cached for a while: read from Feast in bulk when those of some users are missing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from features.views import External
from schemas.errors import StoreUnavailable

logger = logging.getLogger(__name__)
BACK_OFF_SECONDS = 5.0
ROWS_KEPT = 100_000


class ExternalReader(Protocol):
    """A reader of other teams' features, see `features.feast_store.FeastStore.read_external`."""

    def read_external(self, rows: Sequence[External], users: Sequence[str]) -> list[dict[str, float | None]]:
        """Return one dictionary per user, in order; may block, raises `StoreUnavailable`."""
        ...


class CachedExternal:
    """An `ExternalFeatures` over Feast: one bulk read for the users whose features are older than `ttl_seconds`.

    While Feast does not answer, users are ranked with cached values or the rows' defaults, and Feast is asked again
    after `BACK_OFF_SECONDS`: the next lists do not wait for another team's store.
    """

    def __init__(
        self, reader: ExternalReader, rows: Sequence[External], *, ttl_seconds: float, clock: Callable[[], float]
    ) -> None:
        self._reader = reader
        self._rows = tuple(rows)
        self._ttl = ttl_seconds
        self._clock = clock
        self._cache: dict[str, tuple[float, dict[str, float]]] = {}
        self._retry_at = 0.0

    def read(self, users: Sequence[str]) -> dict[str, dict[str, float]]:
        """See `features.ports.ExternalFeatures`."""
        now = self._clock()
        stale = [user for user in dict.fromkeys(users) if self._cache.get(user, (-1e18, {}))[0] + self._ttl <= now]
        if stale and now >= self._retry_at:
            self._refresh(stale, now)
        return {user: self._cache[user][1] for user in users if user in self._cache}

    def _refresh(self, users: Sequence[str], now: float) -> None:
        try:
            answers = self._reader.read_external(self._rows, users)
        except StoreUnavailable as exc:
            logger.warning("external features: %s", exc)
            self._retry_at = now + BACK_OFF_SECONDS
            return
        if len(self._cache) > ROWS_KEPT:
            self._cache.clear()
        for user, values in zip(users, answers, strict=True):
            self._cache[user] = (now, self._with_defaults(values))

    def _with_defaults(self, values: dict[str, float | None]) -> dict[str, float]:
        return {
            row.name: row.default if (value := values.get(row.name)) is None else float(value) for row in self._rows
        }
