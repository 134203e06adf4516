"""Events in an open loop: each has its intended time, and a slow system does not slow the sender down."""

from __future__ import annotations

import time
from collections.abc import Iterable

from deploy.bench.load.choices import choices
from deploy.bench.plan import Skew, evenly
from deploy.clients import wall_clock
from schemas.codec import encode
from schemas.ids import EventId, ItemId, UserId
from schemas.interactions import Click
from schemas.topics import INTERACTIONS
from streams.log.kafka_client import KafkaPublisher


def send_click(publisher: KafkaPublisher, event_id: str, user: str, item: str, at: float) -> None:
    """Queue a click with this wall-clock second as its time."""
    click = Click(event_id=EventId(event_id), user_id=UserId(user), event_time=at, item_id=ItemId(item))
    publisher.send(INTERACTIONS, user, encode(click))


class Sender:
    """Sends clicks; `intended` maps each event id to the wall-clock second at which it was due."""

    def __init__(
        self, publisher: KafkaPublisher, *, users: int, items: int, run: str, seed: int, skew: Skew = "zipf"
    ) -> None:
        self._publisher = publisher
        self._choices = choices(users, items, seed, skew)
        self._run = run
        self._sent = 0
        self.intended: dict[str, float] = {}

    def send(self, rate: float, seconds: float) -> None:
        """Send at an even rate for this many seconds."""
        self.send_at(evenly(rate, 0.0, seconds).tolist())

    def send_at(self, times: Iterable[float]) -> float:
        """Send an event at each of these times, in seconds from now; return the wall-clock second that is 0.

        Overdue events are sent at once, and timed from when they were due.
        """
        began, wall = time.monotonic(), wall_clock()
        for due in times:
            ahead = began + due - time.monotonic()
            if ahead > 0.0005:
                time.sleep(ahead)
            self._send_click(wall + due)
        self._publisher.flush()
        return wall

    def _send_click(self, due: float) -> None:
        user, item = next(self._choices)
        event_id = f"{self._run}-{self._sent}"
        self._sent += 1
        self.intended[event_id] = due
        send_click(self._publisher, event_id, user, item, due)
