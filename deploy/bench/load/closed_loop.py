"""Events in a closed loop: each simulated user sends the next event once the last one is answered by a list."""

from __future__ import annotations

import time
from queue import Empty, SimpleQueue

from deploy.bench.load.choices import choices_of
from deploy.bench.load.sender import send_click
from deploy.clients import wall_clock
from streams.log.kafka_client import KafkaPublisher

CLIENT_PATIENCE_SECONDS = 10.0
"""After so long without a list, a simulated user goes on; the event counts as lost unless a list comes later."""


class ClosedLoop:
    """Sends clicks of `clients` users; `answered` takes the ids of answered events, from any thread."""

    def __init__(self, publisher: KafkaPublisher, *, clients: int, items: int, run: str, seed: int) -> None:
        self._publisher = publisher
        self._items = [choices_of(client, items, seed) for client in range(clients)]
        self._run = run
        self._sent = 0
        self._answers: SimpleQueue[tuple[str, ...]] = SimpleQueue()
        self._waiting: dict[str, tuple[int, float]] = {}
        self.intended: dict[str, float] = {}

    def answered(self, event_ids: tuple[str, ...]) -> None:
        """Report events that a list has answered."""
        self._answers.put(event_ids)

    def send_for(self, seconds: float) -> float:
        """Send for this many seconds; return the wall-clock second of the start."""
        began, wall = time.monotonic(), wall_clock()
        for client in range(len(self._items)):
            self._send(client)
        while time.monotonic() < began + seconds:
            for client in self._free():
                self._send(client)
        self._waiting.clear()
        return wall

    def _free(self) -> list[int]:
        """Return the clients whose last event is answered or given up; wait up to 50 ms for one."""
        try:
            answered = self._answers.get(timeout=0.05)
        except Empty:
            answered = ()
        free = [self._waiting.pop(event)[0] for event in answered if event in self._waiting]
        latest = time.monotonic() - CLIENT_PATIENCE_SECONDS
        given_up = [event for event, (_, sent) in self._waiting.items() if sent < latest]
        return free + [self._waiting.pop(event)[0] for event in given_up]

    def _send(self, client: int) -> None:
        event_id = f"{self._run}-{self._sent}"
        self._sent += 1
        self._waiting[event_id] = client, time.monotonic()
        self.intended[event_id] = now = wall_clock()
        send_click(self._publisher, event_id, f"user-{client}", next(self._items[client]), now)
