"""Features that other teams own, kept at hand for a while: read from Feast in bulk when somebody's are missing."""

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
    """Reads other teams' features, see `features.feast_store.FeastStore.read_external`."""

    def read_external(self, rows: Sequence[External], users: Sequence[str]) -> list[dict[str, float | None]]:
        """One dictionary per user, in order; may block, raises `StoreUnavailable`."""
        ...


class CachedExternal:
    """An `ExternalFeatures` over Feast: one bulk read for those not seen within `ttl_seconds`.

    While Feast does not answer, people rank with what is at hand or the rows' defaults, and it is asked again after
    a few seconds: lists never wait for another team's store twice.
    """

    def __init__(
        self, reader: ExternalReader, rows: Sequence[External], *, ttl_seconds: float, clock: Callable[[], float]
    ) -> None:
        self._reader = reader
        self._rows = tuple(rows)
        self._ttl = ttl_seconds
        self._clock = clock
        self._known: dict[str, tuple[float, dict[str, float]]] = {}
        self._not_before = 0.0

    def read(self, users: Sequence[str]) -> dict[str, dict[str, float]]:
        """See `features.ports.ExternalFeatures`."""
        now = self._clock()
        stale = [user for user in dict.fromkeys(users) if self._known.get(user, (-1e18, {}))[0] + self._ttl <= now]
        if stale and now >= self._not_before:
            self._refresh(stale, now)
        return {user: self._known[user][1] for user in users if user in self._known}

    def _refresh(self, users: Sequence[str], now: float) -> None:
        try:
            answers = self._reader.read_external(self._rows, users)
        except StoreUnavailable as exc:
            logger.warning("external features: %s", exc)
            self._not_before = now + BACK_OFF_SECONDS
            return
        if len(self._known) > ROWS_KEPT:
            self._known.clear()
        for user, values in zip(users, answers, strict=True):
            self._known[user] = (now, self._filled(values))

    def _filled(self, values: dict[str, float | None]) -> dict[str, float]:
        found = {row.name: values.get(row.name) for row in self._rows}
        return {row.name: row.default if (value := found[row.name]) is None else float(value) for row in self._rows}
