"""Plays events into the log at a stated rate, open loop, in event-time order."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from schemas.codec import encode
from schemas.interactions import Interaction
from schemas.topics import INTERACTIONS
from streams.log.kafka_client import KafkaPublisher


class Player(threading.Thread):
    """Plays events in a thread; `played` is how many so far."""

    def __init__(self, publisher: KafkaPublisher, events: Sequence[Interaction], *, rate: float) -> None:
        super().__init__(daemon=True)
        self._publisher = publisher
        self._events = events
        self._rate = rate
        self._stopping = threading.Event()
        self.played = 0

    def run(self) -> None:
        """Play until the end or `stop`; send overdue events at once."""
        began = time.monotonic()
        for number, event in enumerate(self._events):
            ahead = began + number / self._rate - time.monotonic()
            if ahead > 0.0005 and self._stopping.wait(ahead):
                break
            self._publisher.send(INTERACTIONS, event.user_id, encode(event))
            self.played = number + 1
        self._publisher.flush()

    def stop(self) -> None:
        """Stop playing, and wait for the thread."""
        self._stopping.set()
        self.join()
