"""Metrics, in one table, and who feeds them. Every process serves its own on ``/metrics``."""

from __future__ import annotations

from collections import Counter as Counts
from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram, start_http_server

from schemas.model_updates import ModelUpdate
from schemas.plans import PlanEntry
from schemas.ranking_log import Choice
from schemas.recommendations import Recommendation
from streams.outcome import Outcome

if TYPE_CHECKING:
    from inference.learning.learner import Learner

_FINE = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 10.0)
_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500)

EVENTS = Counter("lifelong_events_total", "Events applied, by topic.", ["topic"])
REFUSED = Counter("lifelong_refused_total", "Records set aside: dead letters and strays, by where they went.", ["to"])
REDELIVERED = Counter("lifelong_redelivered_total", "Records that had been applied before.", ["topic"])
LISTS = Counter("lifelong_lists_total", "Lists published.")
STAGE = Histogram(
    "lifelong_stage_seconds", "Freshness: from the event to its list, by stage.", ["stage"], buckets=_FINE
)
BATCH = Histogram("lifelong_batch_events", "Events handled together.", buckets=_SIZES)
PLANS = Counter("lifelong_plans_total", "Ledger entries, by trigger and decision.", ["trigger", "decision"])
DEGRADED = Counter("lifelong_degraded_total", "Lists made with something missing, by what.", ["kind"])
GUARDRAIL = Counter("lifelong_guardrail_total", "Items taken off lists by the guardrails, by violation.", ["violation"])
WAITING = Counter("lifelong_waits_total", "Times that partitions waited for a server, by which.", ["server"])
LAG = Gauge("lifelong_lag_records", "Records not applied yet.", ["topic", "partition"])
EXAMS = Counter("lifelong_exams_total", "Choices examined test-then-train, by whether the list had them.", ["hit"])
TABLE = Counter("lifelong_table_records_total", "Records of catalogue, statistics and models taken in.")
MODEL_VERSION = Gauge("lifelong_model_version", "Version of the weights that rank.", ["model"])
SCORE = Gauge("lifelong_prequential_score", "Test-then-train score over the last examples.", ["model", "metric"])
LEARNED = Counter("lifelong_examples_total", "Examples learned from, by kind.", ["kind"])
PROJECTED = Counter("lifelong_projected_total", "Rows written behind, by where to.", ["target"])
PROJECTION_DELAY = Histogram(
    "lifelong_projection_seconds", "From publication to the projection.", ["target"], buckets=_FINE
)
REQUESTS = Counter("lifelong_http_requests_total", "Requests to the gateway.", ["route", "status"])
REQUEST_SECONDS = Histogram("lifelong_http_seconds", "Time to answer a request.", ["route"], buckets=_FINE)


def serve_metrics(port: int) -> int:
    """Serve ``/metrics`` on the loopback interface; the port, a free one if 0 was asked for."""
    server, _ = start_http_server(port, addr="127.0.0.1")
    return int(server.server_port)


class PrometheusObserver:
    """A `streams.ports.Observer` that feeds the metrics."""

    def batch_done(self, outcome: Outcome, *, published: float, stored: float) -> None:
        """See `streams.ports.Observer`."""
        events: Counts[str] = Counts()
        for (name, label), count in outcome.tally.counts.items():
            _count(name, label, count)
            events[name] += count
        if events["events"]:
            BATCH.observe(events["events"])
        for message in outcome.messages:
            match message.value:
                case Recommendation() as recommendation:
                    _freshness(recommendation, published)
                case PlanEntry() as entry:
                    PLANS.labels(entry.trigger, entry.decision).inc()
                case Choice() as choice:
                    EXAMS.labels("yes" if choice.rank is not None else "no").inc()
                case _:
                    pass
        STAGE.labels("store").observe(max(0.0, stored - published))

    def table_read(self, topic: str, records: int) -> None:
        """See `streams.ports.Observer`."""
        TABLE.inc(records)

    def waiting_for(self, what: str) -> None:
        """See `streams.ports.Observer`."""
        WAITING.labels(what).inc()

    def lag(self, topic: str, partition: int, records: int) -> None:
        """See `streams.ports.Observer`."""
        LAG.labels(topic, str(partition)).set(records)


def _count(name: str, label: str, count: int) -> None:
    match name:
        case "events":
            EVENTS.labels(label).inc(count)
        case "refused":
            REFUSED.labels(label).inc(count)
        case "redelivered":
            REDELIVERED.labels(label).inc(count)
        case "lists":
            LISTS.inc(count)
        case "degraded":
            DEGRADED.labels(label).inc(count)
        case "guardrail":
            GUARDRAIL.labels(label).inc(count)
        case _:
            pass


def _freshness(recommendation: Recommendation, published: float) -> None:
    """The stages of one list, in the order in which they follow each other, and from end to end."""
    stages = recommendation.stages
    MODEL_VERSION.labels("ranker").set(recommendation.model_version)
    if "ingested" not in stages:
        return
    marks = [stages["ingested"], stages["received"], stages["folded"], stages["ranked"], published]
    for name, begun, ended in zip(("queue", "fold", "rank", "publish"), marks, marks[1:], strict=False):
        STAGE.labels(name).observe(max(0.0, ended - begun))
    STAGE.labels("total").observe(max(0.0, published - marks[0]))


class TrainerMetrics:
    """A `streams.trainer.TrainerObserver` that feeds the metrics."""

    def learned(self, learner: Learner, entries: int) -> None:
        """See `streams.trainer.TrainerObserver`."""
        LEARNED.labels("entries").inc(entries)
        SCORE.labels("ranker", "mrr").set(learner.score)
        SCORE.labels("ranker", "hr").set(learner.hit_rate)

    def published(self, update: ModelUpdate) -> None:
        """See `streams.trainer.TrainerObserver`."""
        MODEL_VERSION.labels(update.model).set(update.version)


class ProjectorMetrics:
    """A `streams.projector.ProjectorObserver` that feeds the metrics."""

    def projected(self, target: str, rows: int, *, delay: float) -> None:
        """See `streams.projector.ProjectorObserver`."""
        PROJECTED.labels(target).inc(rows)
        PROJECTION_DELAY.labels(target).observe(max(0.0, delay))

    def away(self, target: str) -> None:
        """See `streams.projector.ProjectorObserver`."""
        WAITING.labels(target).inc()
