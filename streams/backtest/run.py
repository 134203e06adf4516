"""The run of a backtest, from the first event to the last."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from inference.evaluation.baselines.evaluator import BaselineResults
from inference.evaluation.metrics.coverage import CoverageMetrics
from schemas.event_kinds import is_choice
from schemas.items import Item
from streams.backtest.baselines_process import Baselines, BaselinesInProcess, BaselinesProcess
from streams.backtest.config import BacktestConfig, EventLog, NothingToEvaluate, SystemConfig
from streams.backtest.evaluator import EvaluatedList
from streams.backtest.pipeline import BacktestPipeline
from streams.worker.gc_tuning import tuned_gc

IN_PROCESS_EVENTS = 2_000
"""Below so many events the baselines run in this process."""
REPORT_EVERY_EVENTS = 50
SPEED_EVENTS = 1_000
"""The reported speed is that of so many newest events."""


class BacktestProgress(Struct, frozen=True):
    """The progress of a backtest: events done, events a second, and HR@10 over the evaluated ones so far."""

    done: int
    per_second: float
    evaluated: int
    hit_rate: float


class Timing(Struct, frozen=True, kw_only=True):
    """Seconds: `wall` and `cpu` of handling the events, `defaults` of non-personalised lists.

    Processor time is measured once and split by wall time: measuring it around each event would cost more than some
    events do. `each` float32 `[events]` is the wall time of each event.
    """

    wall: float
    cpu: float
    defaults: float
    each: NDArray[np.float32]


class BacktestRun(Struct, frozen=True, kw_only=True):
    """All observations of a backtest; `rows` is a structured array of `streams.backtest.evaluated_rows.ROW_DTYPE`."""

    rows: NDArray[np.void]
    baselines: BaselineResults
    shown: CoverageMetrics
    topic_shown: CoverageMetrics
    baskets: dict[int, float]
    named_baskets: int
    inferred_baskets: int
    prequential_queries: int
    counts: Counter[tuple[str, str]]
    timing: Timing
    model_version: int


class Sink(Protocol):
    """Receives evaluated choices one by one."""

    def add(self, evaluated: EvaluatedList) -> None:
        """Add one."""
        ...


def make_baselines(log: EventLog) -> Baselines:
    """Return the simple baselines, in a process of their own if the log is long enough."""
    return BaselinesInProcess() if len(log.events) < IN_PROCESS_EVENTS else BaselinesProcess()


def backtest(
    log: EventLog,
    system: SystemConfig,
    plan: BacktestConfig,
    *,
    sink: Sink | None = None,
    baselines: Baselines | None = None,
    report: Callable[[BacktestProgress], None] = lambda progress: None,
) -> BacktestRun:
    """Run the whole log; the same log, system and plan give the same rows and lists.

    Without `baselines`, those of `make_baselines` are evaluated.

    Raises:
        NothingToEvaluate: the log holds no choice.
    """
    if not any(is_choice(event) for _, event in log.events):
        reasons = "; ".join(f"{count} rows refused: {reason}" for reason, count in log.refused.most_common(3))
        raise NothingToEvaluate(f"{log.name!r} holds no choice of an item by a user. {reasons}".rstrip(". "))
    with ExitStack() as stack:
        stack.enter_context(threadpool_limits(1))
        stack.enter_context(tuned_gc())
        evaluated = baselines or make_baselines(log)
        stack.callback(evaluated.close)
        pipeline = BacktestPipeline(system, plan, on_row=evaluated.add, on_evaluated=sink.add if sink else _ignore)
        timing = _play(log, plan, pipeline, report)
        return _run_of(pipeline, evaluated.results(), timing)


def _ignore(evaluated: EvaluatedList) -> None:
    """Do nothing: no sink was given."""


def _play(
    log: EventLog, plan: BacktestConfig, pipeline: BacktestPipeline, report: Callable[[BacktestProgress], None]
) -> Timing:
    pipeline.put_signals(log.signals)
    pipeline.put_perceptions(log.perceptions)
    waiting = deque(by_time(log.items))
    evaluator = pipeline.evaluator
    evaluated_from = int(log.rows * plan.warm_up)
    each, defaults = np.zeros((2, len(log.events)), np.float32)
    began, cpu_began = time.perf_counter(), time.process_time()
    for done, (index, event) in enumerate(log.events):
        release(waiting, event.event_time, pipeline)
        default_began = time.perf_counter()
        evaluates = index >= evaluated_from
        served = pipeline.look(event.user_id, event.event_time, event.context.locale)
        evaluator.begin(index, served, evaluates=evaluates)
        play_began, evaluating = time.perf_counter(), evaluator.seconds
        pipeline.play(event)
        each[done] = time.perf_counter() - play_began - (evaluator.seconds - evaluating)
        defaults[done] = play_began - default_began
        if not done % REPORT_EVERY_EVENTS:
            report(_progress(done, each, pipeline))
    report(_progress(len(log.events), each, pipeline))
    took, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    wall = float(each.sum(dtype=np.float64))
    return Timing(wall=wall, cpu=cpu * wall / took, defaults=float(defaults.sum(dtype=np.float64)), each=each)


def by_time(items: Sequence[Item]) -> Iterator[Item]:
    """Yield items in the order in which they become available; those without a time come first."""
    yield from sorted(items, key=lambda item: item.available_from or 0.0)


def release(waiting: deque[Item], now: float, pipeline: BacktestPipeline) -> None:
    """Put items into the catalogue once they are available, not before: the system could not know them."""
    available = []
    while waiting and (waiting[0].available_from or 0.0) <= now:
        available.append(waiting.popleft())
    if available:
        pipeline.put_items(available)


def _progress(done: int, each: NDArray[np.float32], pipeline: BacktestPipeline) -> BacktestProgress:
    """Return the progress, with the speed of the newest events."""
    newest, evaluated = each[max(0, done - SPEED_EVENTS) : done], len(pipeline.evaluator.rows)
    speed = len(newest) / max(float(newest.sum()), 1e-9)
    return BacktestProgress(done, speed, evaluated, pipeline.evaluator.hits / max(1, evaluated))


def _run_of(pipeline: BacktestPipeline, baselines: BaselineResults, timing: Timing) -> BacktestRun:
    evaluator = pipeline.evaluator
    return BacktestRun(
        rows=evaluator.rows.array(),
        baselines=baselines,
        shown=evaluator.coverage.shown(),
        topic_shown=evaluator.topic_coverage.shown(),
        baskets=evaluator.recall.values(),
        named_baskets=evaluator.baskets.named,
        inferred_baskets=evaluator.baskets.inferred,
        prequential_queries=evaluator.prequential_queries,
        counts=evaluator.counts,
        timing=timing,
        model_version=pipeline.model_version,
    )
