"""A `LogReader` over a log in memory: for tests and backtests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from streams.log.in_memory_log import InMemoryLog
from streams.log.records import Inbound


class InMemoryLogReader:
    """Reads a topic of one partition from the offset that `start` returns at the first poll."""

    def __init__(
        self, log: InMemoryLog, topic: str, *, start: Callable[[], Mapping[str, int]], most: int = 500
    ) -> None:
        [self._records] = log.partitions[topic]
        self._name = f"{topic}-0"
        self._start = start
        self._most = most
        self._at: int | None = None
        self.committed = 0

    def poll(self, limit: int, seconds: float) -> Sequence[Inbound]:
        """See `streams.log.ports.LogReader`; never waits."""
        if self._at is None:
            self._at = self._start().get(self._name, 0)
        records = self._records.read(self._at, min(limit, self._most))
        self._at += len(records)
        return records

    def commit(self) -> None:
        """See `streams.log.ports.LogReader`."""
        self.committed = self._at or 0

    def exhausted(self) -> bool:
        """Return whether all records were polled."""
        return self._at == len(self._records)
