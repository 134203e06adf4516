"""The gateway's ports over an in-memory log, for tests and for a gateway without servers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from threading import Condition

from streams.log.in_memory_log import InMemoryLog
from streams.log.records import Inbound


class InMemoryTopics:
    """A `Log` and a `TableReader` over one `InMemoryLog`.

    `away` makes both wait, like a broker that does not answer; `back` lets them continue.
    """

    def __init__(self, log: InMemoryLog, topics: Sequence[str]) -> None:
        self.log = log
        self.deliveries = 0
        self._topics = tuple(topics)
        self._offsets: dict[tuple[str, int], int] = {}
        self._changed = Condition()
        self._is_away = False

    def deliver(self, topic: str, records: Iterable[tuple[str | None, bytes | None]]) -> list[tuple[int, int]]:
        """See `deploy.gateway.ports.GatewayLog`."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_away)
            stored = [self.log.append(topic, key, value) for key, value in records]
            self.deliveries += 1
            self._changed.notify_all()
        return [(record.partition, record.offset) for record in stored]

    def catch_up(self) -> list[Inbound]:
        """See `streams.log.ports.TableReader`."""
        with self._changed:
            return self._new()

    def catch_up_in_parts(self) -> Iterator[list[Inbound]]:
        """See `streams.log.ports.PartsReader`."""
        yield self.catch_up()

    def poll(self) -> list[Inbound]:
        """See `streams.log.ports.TableReader`."""
        with self._changed:
            records = [] if self._is_away else self._new()
            if not records:
                self._changed.wait(0.02)
        return records

    def away(self) -> None:
        """Stop answering."""
        with self._changed:
            self._is_away = True

    def back(self) -> None:
        """Answer again, waiting callers first."""
        with self._changed:
            self._is_away = False
            self._changed.notify_all()

    def _new(self) -> list[Inbound]:
        records: list[Inbound] = []
        for topic in self._topics:
            for partition, log in enumerate(self.log.partitions[topic]):
                offset = self._offsets.get((topic, partition), 0)
                self._offsets[(topic, partition)] = len(log)
                records += log.read(offset)
        return records
