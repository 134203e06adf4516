"""What comes out while events are played: choices examined, lists, plans, counted as a subscriber sees them."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque

from deploy.clients import wall_clock
from inference.evaluation.prequential import Paired
from schemas.codec import decode
from schemas.plans import PlanEntry
from schemas.ranking_log import Choice
from schemas.recommendations import Recommendation
from schemas.topics import DEAD_LETTERS, PLANS, RANKING_LOG, RECOMMENDATIONS
from streams.kafka_client import Cluster, KafkaTableReader
from streams.records import Inbound

OURS = "Lifelong"
RECENT_LISTS = 500
STAGES = ("ingested", "received", "folded", "ranked", "published", "read")


class Watch(threading.Thread):
    """Reads what is published from now on, in a thread, until stopped; one person is followed closely."""

    def __init__(self, cluster: Cluster, *, follow: str) -> None:
        super().__init__(daemon=True)
        topics = (RECOMMENDATIONS, RANKING_LOG, PLANS, DEAD_LETTERS)
        self._reader = KafkaTableReader(cluster, topics, poll_seconds=0.05, batch=100)
        self._reader.catch_up()
        self._told = threading.Event()
        self.follow = follow
        self.ours: dict[str, int | None] = {}
        self.answered: set[str] = set()
        self.lists = 0
        self.dead_letters = 0
        self.degraded = 0
        self.plans: Counter[tuple[str, str]] = Counter()
        self.stages: deque[dict[str, float]] = deque(maxlen=RECENT_LISTS)
        self.all_stages: list[dict[str, float]] = []
        self.newest: Recommendation | None = None
        self.model_version = 0

    def run(self) -> None:
        """Watch until `stop`."""
        while not self._told.is_set():
            for record in self._reader.poll():
                self._take(record)

    def _take(self, record: Inbound) -> None:
        now = wall_clock()
        match decode(record.topic, record.value, now=now):
            case Recommendation() as made:
                self._list(made, record.timestamp, now)
            case Choice() as choice:
                self.ours[choice.event_id] = choice.rank
            case PlanEntry() as entry:
                self.plans[(entry.trigger, entry.decision)] += 1
            case _:
                self.dead_letters += record.topic == DEAD_LETTERS

    def _list(self, made: Recommendation, published: float, now: float) -> None:
        if not made.trigger_event_ids:
            return
        self.lists += 1
        self.degraded += bool(made.degradations)
        self.answered.update(made.trigger_event_ids)
        self.model_version = made.model_version
        stages = made.stages | {"published": published, "read": now}
        self.stages.append(stages)
        self.all_stages.append(stages)
        if made.user_id == self.follow:
            self.newest = made

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


def paired(ours: dict[str, int | None], floors: dict[str, dict[str, int | None]]) -> Paired:
    """Ours and the floors over the events that all of them were judged on."""
    names = (OURS, *next(iter(floors.values()), {}))
    measures = Paired(names)
    for event_id, ranks in floors.items():
        if event_id in ours:
            measures.add({OURS: ours[event_id], **ranks})
    return measures
