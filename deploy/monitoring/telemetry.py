"""All metrics, in one table, and the observers that feed them. Every process serves its own on ``/metrics``.

The ``job`` and ``instance`` of the scrape name the process; no metric repeats them. Metrics with a known set of label
values start at 0: so a first dead letter is an increase, and a quiet panel shows 0 instead of "no data".
"""

from __future__ import annotations

import platform
import time
from collections import Counter as Counts
from collections.abc import Callable, Iterable
from importlib.metadata import version
from itertools import product
from typing import TYPE_CHECKING, get_args

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, Info, disable_created_metrics, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from agents.planning.guardrails import Fault
from deploy.monitoring.explanation_metrics import EXPLANATIONS
from deploy.monitoring.offer_metrics import count_offer
from deploy.monitoring.plan_metrics import SUPPRESSED, count_plan, start_plans
from inference.fallback_ranker import RANKED_LOCALLY
from inference.finite_scores import SCORES_NOT_FINITE
from schemas.dead_letters import DeadLetter, MisroutedRecord
from schemas.errors import ReasonCode
from schemas.model_updates import ModelUpdate, VariantStatus
from schemas.offers import Offer, Withheld
from schemas.plans import PlanEntry, TriggerName
from schemas.ranking_log import Choice
from schemas.recommendations import OVERLOADED, Recommendation
from schemas.topics import INTERACTIONS, ITEM_DELTAS, MISROUTED, PERSON_TOPICS
from streams.outcomes.batch_outcome import BatchOutcome
from streams.state.crowd_watch import ACCOUNTS
from streams.state.partition_store import PEOPLE
from streams.state.positions import BREAKS

if TYPE_CHECKING:
    from inference.learning.online_trainer import OnlineTrainer

# They would double the number of series, and nothing reads them.
disable_created_metrics()  # type: ignore[no-untyped-call]

_FINE = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0)
_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500)

EVENTS = Counter("lifelong_events_total", "Events applied, by topic.", ["topic"])
DEAD_LETTERS_TOTAL = Counter(
    "lifelong_dead_letters_total", "Records set aside, by topic and reason.", ["topic", "reason"]
)
MISROUTED_SENT = Counter(
    "lifelong_misrouted_total", "Records with a wrong key, sent on to the right partition.", ["topic"]
)
REDELIVERED = Counter("lifelong_redelivered_total", "Records that had been applied before.", ["topic"])
ERASED = Counter(
    "lifelong_erased_records_total", "Records of users from before they were erased, which are refused.", ["topic"]
)
LISTS_TOTAL = Counter("lifelong_lists_total", "Lists published.")
STAGE = Histogram(
    "lifelong_stage_seconds", "Freshness: from the event to its list, by stage.", ["stage"], buckets=_FINE
)
STORE = Histogram(
    "lifelong_store_seconds", "Time to store a batch's states with their offsets.", ["scope"], buckets=_FINE
)
BATCH_EVENTS = Histogram("lifelong_batch_events", "Events handled together.", buckets=_SIZES)
DEGRADED = Counter("lifelong_degraded_total", "Lists made with something missing, or late, by kind.", ["kind"])
GUARDRAIL = Counter(
    "lifelong_guardrail_total", "Faults that guardrails removed from lists, by violation.", ["violation"]
)
CHOICES = Counter(
    "lifelong_choices_total",
    "Choices by known accounts, new ones, and suspect ones: new, together of an item that known ones leave alone.",
    ["account"],
)
WAITS_TOTAL = Counter("lifelong_waits_total", "Times that a server was unavailable and waited for.", ["server"])
BROKEN = Counter(
    "lifelong_log_breaks_total",
    "Topics recreated, truncated or deleted from, and stores that lost data.",
    ["how", "what"],
)
PREQUENTIAL_QUERIES = Counter(
    "lifelong_prequential_queries_total", "Prequential queries, by whether the list had the choice.", ["hit"]
)
TABLE = Counter("lifelong_table_records_total", "Records of catalogue, statistics and models read since the start.")
MODEL_VERSION = Gauge(
    "lifelong_model_version", "Version of the weights: the trainer's published last, the worker's used last.", ["model"]
)
SCORE = Gauge("lifelong_prequential_score", "Test-then-train score over the last examples.", ["model", "metric"])
DECISIONS = Counter(
    "lifelong_model_decisions_total", "Decisions about model variants, by who made them.", ["decision", "by"]
)
EXAMPLES_TOTAL = Counter("lifelong_examples_total", "Examples that reached the learner, by their use.", ["kind"])
REQUESTS = Counter("lifelong_http_requests_total", "Requests to the gateway.", ["route", "status"])
REFUSED_REQUESTS = Counter(
    "lifelong_http_refused_total", "Requests that were not answered with success, by reason.", ["reason"]
)
CONNECTIONS = Gauge("lifelong_http_connections", "Open connections to the gateway.")
CLOSED_CONNECTIONS = Counter(
    "lifelong_http_closed_total", "Connections that the gateway closed, by the limit that they exceeded.", ["reason"]
)
AUDIT_DROPPED = Counter("lifelong_audit_dropped_total", "Requests that the audit log could not keep up with.")
REQUEST_SECONDS = Histogram("lifelong_http_seconds", "Time to answer a request.", ["route"], buckets=_FINE)
BUILD = Info("lifelong_build", "Version of the software and of Python.")
BUILD.info({"version": version("lifelong"), "python": platform.python_version()})

MEASURED_STAGES = ("queue", "fold", "rank", "publish")
"""From the record's timestamp until a worker receives it; then until it has applied it, ranked, and published."""
FORGET_SECONDS = 15.0
"""A worker reports the lag of each assigned partition every 5 s; after this long a partition is another worker's."""


class LagGauge(Collector):
    """Records not applied yet, by partition. A partition that is no longer reported was reassigned, and is removed.

    >>> seconds = iter((0.0, 10.0, 20.0))
    >>> gauge = LagGauge(clock=lambda: next(seconds))
    >>> gauge.set("interactions", 0, 7)
    >>> [family.samples[0].value for family in gauge.collect()], [len(family.samples) for family in gauge.collect()]
    ([7], [0])
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._reported: dict[tuple[str, str], tuple[int, float]] = {}

    def set(self, topic: str, partition: int, records: int) -> None:
        """Report how many records of a partition assigned to this process are not applied yet."""
        self._reported[(topic, str(partition))] = (records, self._clock())

    def describe(self) -> list[GaugeMetricFamily]:
        """Return the metric without values, for the registry."""
        return [GaugeMetricFamily("lifelong_lag_records", "Records not applied yet.", labels=["topic", "partition"])]

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return the lag of every recently reported partition."""
        now, [family] = self._clock(), self.describe()
        for labels, (records, at) in list(self._reported.items()):
            if now - at < FORGET_SECONDS:
                family.add_metric(labels, records)
        return [family]


LAG = LagGauge()
REGISTRY.register(LAG)


class VariantStatusGauges(Collector):
    """The status of model variants as announced last; a variant that is no longer announced is removed."""

    def __init__(self) -> None:
        self.variant_statuses: tuple[VariantStatus, ...] = ()

    def describe(self) -> list[GaugeMetricFamily]:
        """Return the metrics without values, for the registry."""
        gain = "Test-then-train gain over the last examples, by variant."
        difference = "Gain over the champion, with bounds that hold at any time."
        return [
            GaugeMetricFamily("lifelong_variant_gain", gain, labels=["variant"]),
            GaugeMetricFamily("lifelong_variant_serves", "1 for the champion, else 0.", labels=["variant"]),
            GaugeMetricFamily("lifelong_variant_difference", difference, labels=["variant", "bound"]),
        ]

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return the values announced last."""
        gain, serves, difference = families = self.describe()
        for status in self.variant_statuses:
            gain.add_metric([status.variant], status.gain)
            serves.add_metric([status.variant], float(status.role == "champion"))
            if status.difference is not None:
                for bound in ("lower", "mean", "upper"):
                    difference.add_metric([status.variant, bound], getattr(status.difference, bound))
        return families


VARIANT_STATUSES = VariantStatusGauges()
REGISTRY.register(VARIANT_STATUSES)


class RestartCounters(Collector):
    """How often processes of the stack ended by themselves, as `read` returns. Only a gateway under the supervisor has
    these counts; elsewhere the start times of processes show restarts.
    """

    def __init__(self) -> None:
        self.read: Callable[[], dict[str, int]] = dict

    def describe(self) -> list[CounterMetricFamily]:
        """Return the metric without values, for the registry."""
        return [CounterMetricFamily("lifelong_restarts", "Unrequested ends of a process.", labels=["process"])]

    def collect(self) -> Iterable[CounterMetricFamily]:
        """Return the counts by process, also of those that never ended."""
        [family] = self.describe()
        for name, count in sorted(self.read().items()):
            family.add_metric([name], count)
        return [family]


RESTARTS = RestartCounters()
REGISTRY.register(RESTARTS)


def serve_metrics(port: int) -> int:
    """Serve ``/metrics`` on the loopback interface; return the port, a free one if `port` is 0."""
    server, _ = start_http_server(port, addr="127.0.0.1")
    return int(server.server_port)


def count_request(route: str, status: int, seconds: float) -> None:
    """Count a request to the gateway; `route` is the template of its path."""
    REQUESTS.labels(route, str(status)).inc()
    REQUEST_SECONDS.labels(route).observe(seconds)


def start_refusals(refused: Iterable[str], closed: Iterable[str]) -> None:
    """Start the counters of refused requests and closed connections at 0, for these reasons."""
    _start(REFUSED_REQUESTS, refused)
    _start(CLOSED_CONNECTIONS, closed)


def count_refusal(reason: str) -> None:
    """Count a request that was not answered with success; `reason` is that of its problem details."""
    REFUSED_REQUESTS.labels(reason).inc()


def count_closed(reason: str) -> None:
    """Count a connection that the gateway closed; `reason` is the limit that it exceeded."""
    CLOSED_CONNECTIONS.labels(reason).inc()


class PrometheusObserver:
    """A `streams.log.ports.Observer` that feeds the metrics."""

    def __init__(self) -> None:
        self._stages = [STAGE.labels(stage) for stage in MEASURED_STAGES]
        self._total = STAGE.labels("total")
        _start(EVENTS, PERSON_TOPICS)
        _start(REDELIVERED, (*PERSON_TOPICS, MISROUTED))
        _start(ERASED, PERSON_TOPICS)
        _start(DEAD_LETTERS_TOTAL, (INTERACTIONS, ITEM_DELTAS), get_args(ReasonCode))
        _start(MISROUTED_SENT, PERSON_TOPICS)
        start_plans()
        _start(SUPPRESSED, get_args(TriggerName))
        _start(DEGRADED, (RANKED_LOCALLY, SCORES_NOT_FINITE, OVERLOADED))
        _start(GUARDRAIL, get_args(Fault))
        _start(CHOICES, ACCOUNTS)
        _start(WAITS_TOTAL, ("state-store",))
        _start(PREQUENTIAL_QUERIES, ("yes", "no"))
        _start(BROKEN, BREAKS, (INTERACTIONS, PEOPLE))

    def batch_done(self, outcome: BatchOutcome, *, published: float, stored: float) -> None:
        """See `streams.log.ports.Observer`."""
        events = 0
        for (name, label), count in outcome.counters.counts.items():
            _count(name, label, count)
            events += count if name == "events" else 0
        if events:
            BATCH_EVENTS.observe(events)
        for message in outcome.messages:
            self._published(message.value, published)
        for scope in {write.scope for write in outcome.writes}:
            STORE.labels(scope).observe(max(0.0, stored - published))

    def table_read(self, topic: str, records: int) -> None:
        """See `streams.log.ports.Observer`."""
        TABLE.inc(records)

    def waiting_for(self, what: str) -> None:
        """See `streams.log.ports.Observer`."""
        WAITS_TOTAL.labels(what).inc()

    def lag(self, topic: str, partition: int, records: int) -> None:
        """See `streams.log.ports.Observer`."""
        LAG.set(topic, partition, records)

    def broken(self, how: str, what: str, partition: int) -> None:
        """See `streams.log.ports.Observer`."""
        BROKEN.labels(how, what).inc()

    def _published(self, value: object, at: float) -> None:
        match value:
            case Recommendation():
                MODEL_VERSION.labels("ranker").set(value.model_version)
                self._freshness(value.stages, at)
            case PlanEntry():
                count_plan(value)
            case Offer() | Withheld():
                count_offer(value)
            case Choice():
                PREQUENTIAL_QUERIES.labels("yes" if value.rank is not None else "no").inc()
            case DeadLetter():
                DEAD_LETTERS_TOTAL.labels(value.topic, value.reason).inc()
            case MisroutedRecord():
                MISROUTED_SENT.labels(value.topic).inc()
            case _:
                pass

    def _freshness(self, stages: dict[str, float], published: float) -> None:
        """Observe the stages of one list in order, and the time from end to end."""
        if "ingested" not in stages:
            return
        times = (stages["ingested"], stages["received"], stages["folded"], stages["ranked"], published)
        for stage, began, ended in zip(self._stages, times, times[1:], strict=False):
            stage.observe(max(0.0, ended - began))
        self._total.observe(max(0.0, published - times[0]))


def _start(counter: Counter, *values: Iterable[str]) -> None:
    """Start a counter at 0 for every combination of these label values."""
    for labels in product(*values):
        counter.labels(*labels)


_COUNTED: dict[str, Counter] = {
    "events": EVENTS,
    "redelivered": REDELIVERED,
    "erased": ERASED,
    "suppressed": SUPPRESSED,
    "degraded": DEGRADED,
    "choices": CHOICES,
    "guardrail": GUARDRAIL,
    "explained": EXPLANATIONS,
}


def _count(name: str, label: str, count: int) -> None:
    """Add a counter of the handlers to its metric; counts that published messages carry are taken from those."""
    if name == "lists":
        LISTS_TOTAL.inc(count)
    elif name in _COUNTED:
        _COUNTED[name].labels(label).inc(count)


class TrainerMetrics:
    """A `streams.trainer.process.TrainerObserver` that feeds the metrics."""

    def __init__(self) -> None:
        self._seen: Counts[str] = Counts()
        _start(EXAMPLES_TOTAL, ("examined", "learned", "foreign"))
        _start(DECISIONS, ("promoted", "refused", "rolled-back"), ("gate", "operator"))

    def learned(self, trainer: OnlineTrainer, entries: int) -> None:
        """See `streams.trainer.process.TrainerObserver`."""
        learner = trainer.first
        totals = {"examined": learner.prequential_queries, "learned": learner.examples, "foreign": learner.foreign}
        for kind, total in totals.items():
            # Totals restored from a checkpoint were counted by the process that learned them.
            EXAMPLES_TOTAL.labels(kind).inc(max(0, min(total - self._seen[kind], entries)))
            self._seen[kind] = total
        SCORE.labels("ranker", "mrr").set(learner.score)
        SCORE.labels("ranker", "hr").set(learner.hit_rate)

    def announced(self, update: ModelUpdate) -> None:
        """See `streams.trainer.process.TrainerObserver`."""
        MODEL_VERSION.labels(update.model).set(update.version)
        if update.decision_id:
            DECISIONS.labels(update.decision, update.by).inc()
        VARIANT_STATUSES.variant_statuses = update.variant_statuses

    def refused(self, topic: str, reason: ReasonCode) -> None:
        """See `streams.trainer.process.TrainerObserver`."""
        DEAD_LETTERS_TOTAL.labels(topic, reason).inc()
