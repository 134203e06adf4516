"""Lists as a subscriber sees them, matched to the events that they answer."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from deploy.clients import wall_clock
from deploy.topic_subscriber import TopicSubscriber
from schemas.topics import RECOMMENDATIONS
from streams.log.kafka_client import Cluster
from streams.log.records import Inbound


class _ListFields(Struct):
    """The fields of a recommendation that the benchmark needs."""

    trigger_event_ids: tuple[str, ...] = ()
    stages: dict[str, float] = {}
    degradations: tuple[str, ...] = ()
    version: int = 0
    user_id: str = ""


class Arrival(Struct, frozen=True):
    """A list's arrival: when it was read, the events that it answers, and its stages, in wall-clock seconds."""

    at: float
    event_ids: tuple[str, ...]
    stages: dict[str, float]
    degraded: bool


class Collector(TopicSubscriber):
    """Reads `recommendations` from now on, in a thread, until stopped."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster, (RECOMMENDATIONS,), batch=50)
        self._decoder = msgspec.json.Decoder(_ListFields)
        self.arrivals: list[Arrival] = []

    def take(self, record: Inbound) -> None:
        """See `TopicSubscriber`."""
        fields = self._decoder.decode(record.value or b"{}")
        stages = fields.stages | {"published": record.timestamp}
        self.arrivals.append(Arrival(wall_clock(), fields.trigger_event_ids, stages, bool(fields.degradations)))
        self.answered.update(fields.trigger_event_ids)
