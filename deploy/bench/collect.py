"""Lists as a subscriber sees them, matched to the events that they answer."""

from __future__ import annotations

import threading
import time

import msgspec
from msgspec import Struct

from schemas.topics import RECOMMENDATIONS
from streams.kafka_client import Cluster, KafkaTableReader


class _Seen(Struct):
    """Of a recommendation, what is needed here."""

    trigger_event_ids: tuple[str, ...] = ()
    stages: dict[str, float] = {}
    degradations: tuple[str, ...] = ()
    version: int = 0
    user_id: str = ""


class Arrival(Struct, frozen=True):
    """A list as it arrived: when it was read, what it answers, and its stages (wall clock)."""

    at: float
    event_ids: tuple[str, ...]
    stages: dict[str, float]
    degraded: bool


class Collector(threading.Thread):
    """Reads `recommendations` from now on, in a thread, until stopped."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(daemon=True)
        self._reader = KafkaTableReader(cluster, (RECOMMENDATIONS,), poll_seconds=0.05, batch=50)
        self._reader.catch_up()
        self._told = threading.Event()
        self._decoder = msgspec.json.Decoder(_Seen)
        self.arrivals: list[Arrival] = []
        self.answered: set[str] = set()

    def run(self) -> None:
        """Collect until `stop`."""
        while not self._told.is_set():
            records = self._reader.poll()
            now = time.time()  # noqa: TID251 - the bench is a client with a clock of its own
            for record in records:
                seen = self._decoder.decode(record.value or b"{}")
                stages = seen.stages | {"published": record.timestamp}
                self.arrivals.append(Arrival(now, seen.trigger_event_ids, stages, bool(seen.degradations)))
                self.answered.update(seen.trigger_event_ids)

    def wait_for(self, event_ids: set[str], *, seconds: float) -> None:
        """Wait until all of these events are answered, or so long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not event_ids <= self.answered:
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop and leave."""
        self._told.set()
        self.join()
        self._reader.close()
