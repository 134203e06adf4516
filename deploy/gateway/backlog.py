"""Back-pressure: beyond so many events that workers have not applied, more are turned away until some are.

Nothing that was accepted is lost by it, and lists are served all the time.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from http import HTTPStatus
from threading import Event, Thread

from deploy.gateway.problems import Problem
from schemas.errors import LifelongError
from streams.state.positions import Logs

logger = logging.getLogger(__name__)
MEASURE_SECONDS = 1.0
LONGEST_SECONDS = 60
"""The longest that a sender is told to wait before it tries again."""


def behind(logs: Logs, group: str, topic: str) -> int:
    """How many records of a topic the group has not committed; those that are deleted by now do not count.

    Raises:
        KafkaAway: nobody knows.
    """
    committed = logs.committed(group, (topic,))
    ends = logs.bounds((topic,))
    return sum(max(0, log.end - max(log.begin, committed.get(at, 0))) for at, log in ends.items())


class Backlog:
    """How many events wait for workers: measured each second, and counted in between.

    Not known, because Kafka does not answer, is none: then the outbox is the bound. With `most` 0 there is no bound.
    """

    def __init__(self, measure: Callable[[], int] = lambda: 0, *, most: int = 0) -> None:
        self._measure = measure
        self._most = most
        self._waiting = 0
        self._applied_per_second = 0.0
        self._ends = Event()
        self._thread = Thread(target=self._run, name="backlog", daemon=True)

    def start(self) -> None:
        """Begin to measure. Once."""
        if self._most:
            self._thread.start()

    def close(self, within: float) -> None:
        """End. Blocks."""
        self._ends.set()
        if self._most:
            self._thread.join(within)

    def accepted(self, events: int) -> None:
        """So many events were stored just now."""
        self._waiting += events

    def refuse_if_full(self) -> None:
        """Turn a sender away while more wait than may.

        Raises:
            Problem: 429, with the seconds after which the same may be sent again.
        """
        if self._most and self._waiting > self._most:
            text = f"{self._waiting} events wait to be applied, at most {self._most} may: send them again later"
            headers = {"Retry-After": str(self.patience())}
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, "backlog", text, headers=headers)

    def patience(self) -> int:
        """Seconds until the backlog is small enough again, at the speed of the last second."""
        over = self._waiting - self._most
        if self._applied_per_second <= 0.0:
            return LONGEST_SECONDS if over > 0 else 1
        return max(1, min(LONGEST_SECONDS, math.ceil(over / self._applied_per_second)))

    def measure(self) -> None:
        """Ask how many events wait, and note how fast they became fewer."""
        before = self._waiting
        try:
            self._waiting = self._measure()
        except LifelongError as exc:
            logger.info("how many events wait is not known: %s", exc)
            self._waiting = 0
        self._applied_per_second = (before - self._waiting) / MEASURE_SECONDS

    def _run(self) -> None:
        while not self._ends.wait(MEASURE_SECONDS):
            self.measure()
