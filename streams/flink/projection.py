"""Users as Flink keeps them, written behind to a store, for pages that show a user what is remembered."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from features.circuit_breaker import CircuitBreaker
from schemas.errors import StoreUnavailable
from streams.state.partition_store import CACHED_USERS

logger = logging.getLogger(__name__)
PAUSE_SECONDS = 5.0
"""For how long a store that does not answer is left alone."""


class ProjectedStates(Protocol):
    """Takes states for readers, by scope and partition; raises `StoreUnavailable`."""

    def project(self, scope: str, partition: int, states: dict[str, bytes]) -> None:
        """Write these states."""
        ...


class UserProjection:
    """Writes the newest state of each user; while the store is away up to `CACHED_USERS` wait, the oldest are dropped.

    A user who is dropped is shown as of before, until their next event.
    """

    def __init__(self, store: ProjectedStates, scope: str, *, clock: Callable[[], float]) -> None:
        self._store = store
        self._scope = scope
        self._waiting: dict[tuple[int, str], bytes] = {}
        self._breaker = CircuitBreaker(failures=1, seconds=PAUSE_SECONDS, clock=clock)

    def project(self, partition: int, states: dict[str, bytes]) -> None:
        """Write the states of a partition, and those that wait."""
        self._waiting |= {(partition, user): state for user, state in states.items()}
        if not self._breaker.allows():
            self._drop()
            return
        try:
            for number in sorted({waiting for waiting, _ in self._waiting}):
                own = {user: state for (at, user), state in self._waiting.items() if at == number}
                self._store.project(self._scope, number, own)
        except StoreUnavailable as exc:
            logger.warning("users are shown as of before: %s", exc)
            self._breaker.failed()
        else:
            self._breaker.worked()
            self._waiting = {}

    def _drop(self) -> None:
        for key in list(self._waiting)[: max(0, len(self._waiting) - CACHED_USERS)]:
            del self._waiting[key]
