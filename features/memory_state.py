"""A `StateStore` in this process: for tests and replay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from features.ports import Lease, Origin, Write
from schemas.errors import Fenced, StoreRewound

_Partition = tuple[str, int]


class MemoryStateStore:
    """States in dictionaries; keeps the same promises as the real one but does not outlive the process."""

    def __init__(self) -> None:
        self._epochs: dict[_Partition, int] = {}
        self._states: dict[_Partition, dict[str, bytes]] = {}
        self._applied: dict[_Partition, dict[str, int]] = {}
        self._origins: dict[_Partition, dict[str, Origin]] = {}
        self._visits: dict[_Partition, dict[str, float]] = {}

    def lease(self, scope: str, partition: int) -> Lease:
        at = (scope, partition)
        self._epochs[at] = self._epochs.get(at, 0) + 1
        return Lease(self._epochs[at], dict(self._applied.get(at, {})), self.origins(scope, partition))

    def applied(self, scope: str, partition: int) -> dict[str, int]:
        return dict(self._applied.get((scope, partition), {}))

    def origins(self, scope: str, partition: int) -> dict[str, Origin]:
        return dict(self._origins.get((scope, partition), {}))

    def load(self, scope: str, partition: int, keys: Sequence[str]) -> dict[str, bytes]:
        states = self._states.get((scope, partition), {})
        return {key: states[key] for key in keys if key in states}

    def save(self, write: Write) -> None:
        at = (write.scope, write.partition)
        if at not in self._epochs:
            raise StoreRewound(f"{at} is held by nobody any more")
        if write.epoch != self._epochs[at]:
            raise Fenced(f"{at} is held by epoch {self._epochs[at]}, not {write.epoch}")
        applied = self._applied.setdefault(at, {})
        for source, offset in write.known.items():
            if offset > applied.get(source, -1) and source not in write.origins:
                raise StoreRewound(f"{at} holds offset {applied.get(source, -1)} of {source!r}, not {offset}")
        for source, offset in write.applied.items():
            if offset < applied.get(source, -1) and source not in write.origins:
                raise Fenced(f"{at} holds offset {applied[source]} of {source!r} already, not {offset}")
        self._origins.setdefault(at, {}).update(write.origins)
        self._states.setdefault(at, {}).update(write.states)
        applied.update(write.applied)

    def visit_later(self, scope: str, partition: int, visits: dict[str, float]) -> None:
        self._visits.setdefault((scope, partition), {}).update(visits)

    def due(self, scope: str, partition: int, until: float, limit: int) -> list[str]:
        noted = self._visits.get((scope, partition), {})
        return sorted((key for key, at in noted.items() if at <= until), key=lambda key: (noted[key], key))[:limit]

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
        at = (scope, partition)
        self._epochs[at] = self._epochs.get(at, 0) + 1
        self._states[at], self._applied[at] = dict(states), dict(applied)
        if origins is not None:
            self._origins[at] = dict(origins)
