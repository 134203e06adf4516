"""What comes out while events are played: choices examined, lists, plans, counted as a subscriber sees them."""

from __future__ import annotations

from collections import Counter, deque

from deploy.clients import wall_clock
from deploy.topic_subscriber import TopicSubscriber
from inference.evaluation.metrics.prequential import Paired
from schemas.codec import decode
from schemas.plans import PlanEntry
from schemas.ranking_log import Choice
from schemas.recommendations import Recommendation
from schemas.topics import DEAD_LETTERS, PLANS, RANKING_LOG, RECOMMENDATIONS
from streams.log.kafka_client import Cluster
from streams.log.records import Inbound

OURS = "Lifelong"
RECENT_LISTS = 500
WATCHED_STAGES = ("ingested", "received", "folded", "ranked", "published", "read")


class ListWatch(TopicSubscriber):
    """Counts what is published from now on; one person is followed closely."""

    def __init__(self, cluster: Cluster, *, follow: str) -> None:
        super().__init__(cluster, (RECOMMENDATIONS, RANKING_LOG, PLANS, DEAD_LETTERS), batch=100)
        self.follow = follow
        self.ours: dict[str, int | None] = {}
        self.lists = 0
        self.dead_letters = 0
        self.degraded = 0
        self.plans: Counter[tuple[str, str]] = Counter()
        self.stages: deque[dict[str, float]] = deque(maxlen=RECENT_LISTS)
        self.all_stages: list[dict[str, float]] = []
        self.newest: Recommendation | None = None
        self.model_version = 0

    def take(self, record: Inbound) -> None:
        """See `TopicSubscriber`."""
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


def paired(ours: dict[str, int | None], baselines: dict[str, dict[str, int | None]]) -> Paired:
    """Ours and the floors over the events that all of them were judged on."""
    names = (OURS, *next(iter(baselines.values()), {}))
    measures = Paired(names)
    for event_id, ranks in baselines.items():
        if event_id in ours:
            measures.add({OURS: ours[event_id], **ranks})
    return measures
