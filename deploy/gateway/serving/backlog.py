"""Back-pressure: while too many events wait to be applied by workers, the gateway refuses new ones.

Accepted events are never lost by it, and lists are served all the time.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from http import HTTPStatus
from threading import Event, Thread

from deploy.gateway.limits import MAX_RETRY_SECONDS
from deploy.gateway.problems import Problem
from schemas.errors import LifelongError
from streams.state.positions import Logs

logger = logging.getLogger(__name__)
MEASURE_SECONDS = 1.0


def behind(logs: Logs, group: str, topic: str) -> int:
    """Return how many records of a topic the group has not committed, without deleted ones.

    Raises:
        KafkaAway: Kafka does not answer.
    """
    committed = logs.committed(group, (topic,))
    ends = logs.bounds((topic,))
    return sum(max(0, log.end - max(log.begin, committed.get(at, 0))) for at, log in ends.items())


class Backlog:
    """The number of events that wait for workers: measured every second, and counted in between.

    While Kafka does not answer, the number counts as 0: then the producer queue is the bound. `most` 0 sets no bound.
    """

    def __init__(self, measure: Callable[[], int] = lambda: 0, *, most: int = 0) -> None:
        self._measure = measure
        self._most = most
        self._waiting = 0
        self._applied_per_second = 0.0
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="backlog", daemon=True)

    def start(self) -> None:
        """Begin to measure. Call once."""
        if self._most:
            self._thread.start()

    def close(self, within: float) -> None:
        """Stop measuring; block until the thread ends, at most `within` seconds."""
        self._stopping.set()
        if self._most:
            self._thread.join(within)

    def accepted(self, events: int) -> None:
        """Count events that have just been stored."""
        self._waiting += events

    def refuse_if_full(self) -> None:
        """Refuse a request while more events wait than `most`.

        Raises:
            Problem: 429, with `Retry-After` in seconds.
        """
        if self._most and self._waiting > self._most:
            text = f"{self._waiting} events wait to be applied, at most {self._most} may: send them again later"
            headers = {"Retry-After": str(self.patience())}
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, "backlog", text, headers=headers)

    def patience(self) -> int:
        """Return the seconds until the backlog is below `most` again, at the speed of the last second."""
        excess = self._waiting - self._most
        if self._applied_per_second <= 0.0:
            return MAX_RETRY_SECONDS if excess > 0 else 1
        return max(1, min(MAX_RETRY_SECONDS, math.ceil(excess / self._applied_per_second)))

    def measure(self) -> None:
        """Measure how many events wait, and how fast their number falls."""
        before = self._waiting
        try:
            self._waiting = self._measure()
        except LifelongError as exc:
            logger.info("the number of waiting events is unknown: %s", exc)
            self._waiting = 0
        self._applied_per_second = (before - self._waiting) / MEASURE_SECONDS

    def _run(self) -> None:
        while not self._stopping.wait(MEASURE_SECONDS):
            self.measure()
