"""Counts what a subscriber sees while events are played: prequential queries, lists, plans, dead letters."""

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
    """Counts what is published from now on, and keeps the newest list of one user."""

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
        if not record.value:
            return
        now = wall_clock()
        match decode(record.topic, record.value, now=now):
            case Recommendation() as recommendation:
                self._count_list(recommendation, record.timestamp, now)
            case Choice() as choice:
                self.ours[choice.event_id] = choice.rank
            case PlanEntry() as entry:
                self.plans[(entry.trigger, entry.decision)] += 1
            case _:
                self.dead_letters += record.topic == DEAD_LETTERS

    def _count_list(self, recommendation: Recommendation, published: float, now: float) -> None:
        if not recommendation.trigger_event_ids:
            return
        self.lists += 1
        self.degraded += bool(recommendation.degradations)
        self.answered.update(recommendation.trigger_event_ids)
        self.model_version = recommendation.model_version
        stages = recommendation.stages | {"published": published, "read": now}
        self.stages.append(stages)
        self.all_stages.append(stages)
        if recommendation.user_id == self.follow:
            self.newest = recommendation


def paired(ours: dict[str, int | None], baselines: dict[str, dict[str, int | None]]) -> Paired:
    """Return metrics of Lifelong and the baselines over the events that all of them were evaluated on."""
    names = (OURS, *next(iter(baselines.values()), {}))
    measures = Paired(names)
    for event_id, ranks in baselines.items():
        if event_id in ours:
            measures.add({OURS: ours[event_id], **ranks})
    return measures
