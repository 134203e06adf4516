"""A subscriber in a thread: reads topics from now on, and tracks which events have been answered by a list."""

from __future__ import annotations

import threading
import time
from abc import abstractmethod

from streams.log.kafka_client import Cluster, KafkaTableReader
from streams.log.records import Inbound


class TopicSubscriber(threading.Thread):
    """Handles each new record until stopped; records from before its start are skipped."""

    def __init__(self, cluster: Cluster, topics: tuple[str, ...], *, batch: int) -> None:
        super().__init__(daemon=True)
        self._reader = KafkaTableReader(cluster, topics, poll_seconds=0.05, batch=batch)
        self._reader.catch_up()
        self._stopping = threading.Event()
        self.answered: set[str] = set()

    @abstractmethod
    def take(self, record: Inbound) -> None:
        """Handle a record, and add the events that it answers to `answered`."""

    def run(self) -> None:
        """Follow until `stop`."""
        while not self._stopping.is_set():
            for record in self._reader.poll():
                self.take(record)

    def wait_for(self, event_ids: set[str], *, seconds: float) -> None:
        """Wait until all of these events are answered, at most `seconds`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not event_ids <= self.answered:
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop following and close the reader."""
        self._stopping.set()
        self.join()
        self._reader.close()
