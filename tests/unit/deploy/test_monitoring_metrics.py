"""Real handlers and a real learner feed the metrics; values are read as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import get_args

import pytest
from msgspec.structs import replace
from prometheus_client import REGISTRY

from agents.explanations import LineKind
from deploy.monitoring.telemetry import FORGET_SECONDS, LagGauge, PrometheusObserver, TrainerMetrics, count_request
from features.memory_state import MemoryStateStore
from inference.learning import online_trainer_checkpoint
from inference.learning.model_variant import VariantConfig
from inference.learning.online_trainer import OnlineTrainer, OnlineTrainerConfig
from inference.ranking.features import FeatureTable
from schemas.codec import decode, encode
from schemas.ids import UserId
from schemas.instructions import BanCategory
from schemas.model_updates import ModelUpdate
from schemas.topics import INSTRUCTIONS, INTERACTIONS, RANKING_LOG
from streams.log.partitions import partition_of
from streams.log.records import Inbound
from streams.outcomes.batch_outcome import BatchOutcome
from streams.state.partition_store import PEOPLE, PartitionStore
from streams.worker.user_batch import handle_user_batch
from tests.builders import START, click, event_id, make_runner, send_event, skip, small_catalogue


class Grown:
    """How much series have grown since its creation."""

    def __init__(self) -> None:
        self._before = self._now()

    def __call__(self, name: str, **labels: str) -> float:
        key = (name, tuple(sorted(labels.items())))
        return self._now().get(key, 0.0) - self._before.get(key, 0.0)

    def _now(self) -> Mapping[tuple[str, tuple[tuple[str, str], ...]], float]:
        samples = (sample for family in REGISTRY.collect() for sample in family.samples)
        return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}


@dataclass
class MeasuredPipeline:
    """A worker's core without servers, whose outcomes feed an observer of its own."""

    append: Callable[..., Inbound]
    handle: Callable[..., BatchOutcome]
    observer: PrometheusObserver

    def observe(self, *records: Inbound) -> BatchOutcome:
        outcome = self.handle(records)
        self.observer.batch_done(outcome, published=START + 1e6 + 0.03, stored=START + 1e6 + 0.05)
        return outcome


@pytest.fixture
def pipeline() -> MeasuredPipeline:
    runner = make_runner()
    small_catalogue(runner)
    owner = PartitionStore(MemoryStateStore(), scope=PEOPLE, partitions=4)
    owner.assign(range(4))

    def handle(records: tuple[Inbound, ...]) -> BatchOutcome:
        outcome = handle_user_batch(records, owner, runner.deps)
        owner.store_outcome(outcome)
        return outcome

    return MeasuredPipeline(runner.log.append, handle, PrometheusObserver())


def test_a_batch_is_counted_once_whatever_came_before_it(pipeline):
    grown = Grown()
    for number in range(3):
        pipeline.observe(pipeline.append(INTERACTIONS, "ann", encode(click("ann", f"war-{number}", at=number))))
    assert grown("lifelong_events_total", topic=INTERACTIONS) == 3
    assert grown("lifelong_lists_total") == 3
    assert grown("lifelong_batch_events_count") == grown("lifelong_batch_events_sum") == 3


def test_every_stage_of_a_list_is_timed_and_the_store_apart(pipeline):
    grown = Grown()
    pipeline.observe(pipeline.append(INTERACTIONS, "ann", encode(click("ann", "war-0"))))
    for stage in ("queue", "fold", "rank", "publish", "total"):
        assert grown("lifelong_stage_seconds_count", stage=stage) == 1
    assert grown("lifelong_stage_seconds_sum", stage="total") == pytest.approx(0.03, abs=1e-6)
    assert grown("lifelong_store_seconds_sum", scope=PEOPLE) == pytest.approx(0.02, abs=1e-6)


def test_dead_letters_misrouted_and_redelivered_records_are_counted_apart(pipeline):
    grown = Grown()
    good = pipeline.append(INTERACTIONS, "ann", encode(click("ann", "war-0")))
    pipeline.observe(good, pipeline.append(INTERACTIONS, "ann", b"{"))
    pipeline.observe(good)
    astray = (partition_of("ann", 4) + 1) % 4
    pipeline.observe(pipeline.append(INTERACTIONS, None, encode(click("ann", "war-1")), partition=astray))
    assert grown("lifelong_dead_letters_total", topic=INTERACTIONS, reason="not-json") == 1
    assert grown("lifelong_redelivered_total", topic=INTERACTIONS) == 1
    assert grown("lifelong_misrouted_total", topic=INTERACTIONS) == 1


def test_plans_are_counted_by_trigger_and_decision_and_prequential_queries_by_outcome(pipeline):
    grown = Grown()
    ban = BanCategory(event_id=event_id(), user_id=UserId("ann"), event_time=START + 5, category="war")
    pipeline.observe(pipeline.append(INTERACTIONS, "ann", encode(click("ann", "war-0"))))
    pipeline.observe(pipeline.append(INSTRUCTIONS, "ann", encode(ban)))
    assert grown("lifelong_plans_total", trigger="session-start", decision="accepted") == 1
    assert grown("lifelong_plans_total", trigger="instruction", decision="accepted") == 1
    assert (
        grown("lifelong_prequential_queries_total", hit="yes") + grown("lifelong_prequential_queries_total", hit="no")
        == 1
    )


def test_triggers_without_budget_are_counted_apart(pipeline):
    grown = Grown()
    for number in range(2):
        for skipped in range(3):
            at = 20.0 * number + skipped
            pipeline.observe(
                pipeline.append(INTERACTIONS, "ann", encode(skip("ann", f"war-{3 * number + skipped}", at=at)))
            )
    assert grown("lifelong_plans_total", trigger="skip-run", decision="accepted") == 1
    assert grown("lifelong_suppressed_total", trigger="skip-run") == 1


def test_lines_that_explain_items_are_counted_by_what_they_rest_on(pipeline):
    grown = Grown()
    for number in range(3):
        pipeline.observe(pipeline.append(INTERACTIONS, "ann", encode(click("ann", f"war-{number}", at=number))))
    lines = {kind: grown("lifelong_explanations_total", kind=kind) for kind in get_args(LineKind)}
    assert lines["memory"] > 0
    assert sum(lines.values()) > 10


def test_series_start_at_zero(pipeline):
    for name, labels in (
        ("lifelong_dead_letters_total", {"topic": INTERACTIONS, "reason": "invalid"}),
        ("lifelong_degraded_total", {"kind": "ranker-local"}),
        ("lifelong_guardrail_total", {"violation": "banned-item"}),
        ("lifelong_waits_total", {"server": "state-store"}),
    ):
        assert REGISTRY.get_sample_value(name, labels) is not None, name


def test_the_lag_of_a_reassigned_partition_is_removed():
    now = [0.0]
    gauge = LagGauge(clock=lambda: now[0])
    gauge.set(INTERACTIONS, 0, 5)
    now[0] = FORGET_SECONDS - 1
    gauge.set(INTERACTIONS, 1, 7)
    assert [sample.value for sample in next(iter(gauge.collect())).samples] == [5, 7]
    now[0] = FORGET_SECONDS + 1
    assert [sample.labels["partition"] for sample in next(iter(gauge.collect())).samples] == ["1"]


def ranking_log() -> list:
    runner = make_runner()
    small_catalogue(runner)
    for number in range(6):
        send_event(runner, click("ann", f"war-{number}", at=number))
    return [decode(RANKING_LOG, record.value, now=START + 1e6) for record in runner.log.records(RANKING_LOG)]


def make_online_trainer() -> OnlineTrainer:
    columns = FeatureTable().columns
    return OnlineTrainer(
        OnlineTrainerConfig(
            columns=columns, configs={"default": VariantConfig(), "faster": VariantConfig(rate=2.0)}, block=2
        )
    )


def test_examples_are_counted_by_their_use_and_those_of_a_checkpoint_only_once():
    entries = ranking_log()
    trainer, metrics, grown = make_online_trainer(), TrainerMetrics(), Grown()
    for entry in entries:
        trainer.learn(entry)
    metrics.learned(trainer, len(entries))
    assert grown("lifelong_examples_total", kind="examined") == trainer.first.prequential_queries == 6
    assert grown("lifelong_examples_total", kind="learned") == trainer.first.examples > 0
    assert grown("lifelong_examples_total", kind="foreign") == 0
    score = REGISTRY.get_sample_value("lifelong_prequential_score", {"model": "ranker", "metric": "mrr"})
    assert score == trainer.first.score

    restored, restarted, grown = make_online_trainer(), TrainerMetrics(), Grown()
    assert online_trainer_checkpoint.restore(restored, online_trainer_checkpoint.checkpoint(trainer))
    restored.learn(replace(entries[0], entry_id="another"))
    restarted.learned(restored, 1)
    assert grown("lifelong_examples_total", kind="examined") == 1


def update(trainer: OnlineTrainer, **decided: object) -> ModelUpdate:
    fields = {"model": "ranker", "version": 9, "uri": "", "table": "", "score": 0.0, "metric": "mrr", "examples": 0}
    return ModelUpdate(**{**fields, "reason": "", "variant_statuses": trainer.variant_statuses(), **decided})  # type: ignore[arg-type]


def test_variants_and_decisions_are_shown_and_an_undecided_comparison_is_no_decision():
    trainer, metrics, grown = make_online_trainer(), TrainerMetrics(), Grown()
    for entry in ranking_log():
        trainer.learn(entry)
    metrics.announced(update(trainer, decision="continued"))
    assert grown("lifelong_model_decisions_total", decision="promoted", by="gate") == 0
    metrics.announced(update(trainer, decision="promoted", decision_id="d1", by="gate"))
    assert grown("lifelong_model_decisions_total", decision="promoted", by="gate") == 1
    assert REGISTRY.get_sample_value("lifelong_model_version", {"model": "ranker"}) == 9
    assert REGISTRY.get_sample_value("lifelong_variant_serves", {"variant": "default"}) == 1
    assert REGISTRY.get_sample_value("lifelong_variant_serves", {"variant": "faster"}) == 0
    gain = trainer.variants["faster"].metrics.gain
    assert REGISTRY.get_sample_value("lifelong_variant_gain", {"variant": "faster"}) == gain > 0
    bounds = [
        REGISTRY.get_sample_value("lifelong_variant_difference", {"variant": "faster", "bound": bound})
        for bound in ("lower", "mean", "upper")
    ]
    assert bounds == sorted(bounds)


def test_a_removed_variant_is_no_longer_shown():
    trainer, metrics = make_online_trainer(), TrainerMetrics()
    metrics.announced(update(trainer, decision="continued"))
    del trainer.variants["faster"]
    metrics.announced(update(trainer, decision="continued"))
    assert REGISTRY.get_sample_value("lifelong_variant_gain", {"variant": "faster"}) is None


def test_a_request_is_counted_by_route_and_status():
    grown = Grown()
    count_request("/v1/interactions", 202, 0.004)
    assert grown("lifelong_http_requests_total", route="/v1/interactions", status="202") == 1
    assert grown("lifelong_http_seconds_count", route="/v1/interactions") == 1
