"""Lists as a subscriber sees them, matched to the events that they answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

import msgspec
from msgspec import Struct

from deploy.clients import wall_clock
from deploy.topic_subscriber import TopicSubscriber
from schemas.topics import RECOMMENDATIONS
from streams.log.kafka_client import Cluster
from streams.log.records import Inbound

SILENCE_SECONDS = 15.0
"""Events are lost once no list has answered any of the missing ones for so long: a backlog may take its time."""


class _ListFields(Struct):
    """The fields of a recommendation that the benchmark needs."""

    trigger_event_ids: tuple[str, ...] = ()
    stages: dict[str, float] = {}
    degradations: tuple[str, ...] = ()


class Arrival(Struct, frozen=True):
    """A list's arrival: when it was read, the events that it answers, and its stages, in wall-clock seconds."""

    at: float
    event_ids: tuple[str, ...]
    stages: dict[str, float]
    degradations: tuple[str, ...] = ()


class Collector(TopicSubscriber):
    """Reads `recommendations` from now on, in a thread, until stopped; `on_answer` gets the events of each list."""

    def __init__(self, cluster: Cluster, on_answer: Callable[[tuple[str, ...]], None] = lambda events: None) -> None:
        super().__init__(cluster, (RECOMMENDATIONS,), batch=50)
        self._decoder = msgspec.json.Decoder(_ListFields)
        self._on_answer = on_answer
        self.arrivals: list[Arrival] = []

    def take(self, record: Inbound) -> None:
        """See `TopicSubscriber`."""
        fields = self._decoder.decode(record.value or b"{}")
        stages = fields.stages | {"published": record.timestamp}
        self.arrivals.append(Arrival(wall_clock(), fields.trigger_event_ids, stages, fields.degradations))
        self.answered.update(fields.trigger_event_ids)
        self._on_answer(fields.trigger_event_ids)

    def wait_for_all(self, event_ids: Collection[str]) -> None:
        """Wait until all of these are answered, or none of the missing ones was for `SILENCE_SECONDS`."""
        missing, since = set(event_ids), time.monotonic()
        while missing and time.monotonic() < since + SILENCE_SECONDS:
            time.sleep(0.1)
            left = {event for event in missing if event not in self.answered}
            since = time.monotonic() if len(left) < len(missing) else since
            missing = left
