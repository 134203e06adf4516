"""A subscriber in a thread: reads topics from now on, and knows which events have been answered by a list."""

from __future__ import annotations

import threading
import time
from abc import abstractmethod

from streams.log.kafka_client import Cluster, KafkaTableReader
from streams.log.records import Inbound


class TopicSubscriber(threading.Thread):
    """Takes each record as it comes, until stopped. What was there before it began is passed over."""

    def __init__(self, cluster: Cluster, topics: tuple[str, ...], *, batch: int) -> None:
        super().__init__(daemon=True)
        self._reader = KafkaTableReader(cluster, topics, poll_seconds=0.05, batch=batch)
        self._reader.catch_up()
        self._told = threading.Event()
        self.answered: set[str] = set()

    @abstractmethod
    def take(self, record: Inbound) -> None:
        """One record; `answered` is to grow by the events that it answers."""

    def run(self) -> None:
        """Follow until `stop`."""
        while not self._told.is_set():
            for record in self._reader.poll():
                self.take(record)

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
