"""A `StateStore` in this process: for tests and backtests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from features.ports import Lease, Origin, Write
from schemas.errors import Fenced, StoreRewound

_Partition = tuple[str, int]


class MemoryStateStore:
    """States in dictionaries; keeps the contract of the real store, but does not outlive the process."""

    def __init__(self) -> None:
        self._epochs: dict[_Partition, int] = {}
        self._states: dict[_Partition, dict[str, bytes]] = {}
        self._applied: dict[_Partition, dict[str, int]] = {}
        self._origins: dict[_Partition, dict[str, Origin]] = {}
        self._visits: dict[_Partition, dict[str, float]] = {}

    def lease(self, scope: str, partition: int) -> Lease:
        key = (scope, partition)
        self._epochs[key] = self._epochs.get(key, 0) + 1
        return Lease(self._epochs[key], self.applied(scope, partition), self.origins(scope, partition))

    def applied(self, scope: str, partition: int) -> dict[str, int]:
        return dict(self._applied.get((scope, partition), {}))

    def origins(self, scope: str, partition: int) -> dict[str, Origin]:
        return dict(self._origins.get((scope, partition), {}))

    def load(self, scope: str, partition: int, keys: Sequence[str]) -> dict[str, bytes]:
        states = self._states.get((scope, partition), {})
        return {key: states[key] for key in keys if key in states}

    def save(self, write: Write) -> None:
        key = (write.scope, write.partition)
        if key not in self._epochs:
            raise StoreRewound(f"{key!r} has no epoch any more: lease the partition again")
        if write.epoch != self._epochs[key]:
            raise Fenced(f"{key!r} is leased with epoch {self._epochs[key]}, not {write.epoch}")
        applied = self._applied.setdefault(key, {})
        for source, offset in write.expected.items():
            if offset > applied.get(source, -1) and source not in write.origins:
                raise StoreRewound(f"{key!r} holds offset {applied.get(source, -1)} of {source!r}, not {offset}")
        for source, offset in write.applied.items():
            if offset < applied.get(source, -1) and source not in write.origins:
                raise Fenced(f"{key!r} holds offset {applied[source]} of {source!r} already, not {offset}")
        self._origins.setdefault(key, {}).update(write.origins)
        self._states.setdefault(key, {}).update(write.states)
        applied.update(write.applied)

    def visit_later(self, scope: str, partition: int, visits: dict[str, float]) -> None:
        self._visits.setdefault((scope, partition), {}).update(visits)

    def due(self, scope: str, partition: int, until: float, limit: int) -> list[str]:
        visits = self._visits.get((scope, partition), {})
        return sorted((key for key, at in visits.items() if at <= until), key=lambda key: (visits[key], key))[:limit]

    def visited(self, scope: str, partition: int, keys: Sequence[str]) -> None:
        for key in keys:
            self._visits.get((scope, partition), {}).pop(key, None)

    def scan(self, scope: str, partition: int) -> Iterator[tuple[str, bytes]]:
        yield from list(self._states.get((scope, partition), {}).items())

    def replace(
        self,
        scope: str,
        partition: int,
        states: dict[str, bytes],
        applied: dict[str, int],
        origins: dict[str, Origin] | None = None,
    ) -> None:
        key = (scope, partition)
        self._epochs[key] = self._epochs.get(key, 0) + 1
        self._states[key], self._applied[key] = dict(states), dict(applied)
        if origins is not None:
            self._origins[key] = dict(origins)
