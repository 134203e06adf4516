"""One replay, from the first event to the results."""

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

SHORT = 2_000
"""Below so many events the floors are worked out in this process."""
REPORT_EVERY = 50
LATELY = 1_000


class BacktestProgress(Struct, frozen=True):
    """How far a replay is: events done, events a second, and the running HR@10 over the judged ones."""

    done: int
    per_second: float
    evaluated: int
    hit_rate: float


class Timing(Struct, frozen=True, kw_only=True):
    """Seconds. `wall` and `cpu` are of the events' own handling; `defaults` of lists for people never seen.

    Processor time is taken of the whole and shared out by wall time: asking for it around each event would cost more
    than some events do. `each` float32 `[events]` is the wall time of each event.
    """

    wall: float
    cpu: float
    defaults: float
    each: NDArray[np.float32]


class BacktestRun(Struct, frozen=True, kw_only=True):
    """Everything that a replay observed; `rows` is a structured array of `streams.backtest.evaluated_rows.COLUMNS`."""

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
    """Takes judged choices one by one."""

    def add(self, evaluated: EvaluatedList) -> None:
        """One more."""
        ...


def make_baselines(log: EventLog) -> Baselines:
    """The floors, beside ours where the log is long enough for that."""
    return BaselinesInProcess() if len(log.events) < SHORT else BaselinesProcess()


def backtest(
    log: EventLog,
    system: SystemConfig,
    plan: BacktestConfig,
    *,
    sink: Sink | None = None,
    baselines: Baselines | None = None,
    report: Callable[[BacktestProgress], None] = lambda progress: None,
) -> BacktestRun:
    """Play the whole log; the same log, system and plan give the same rows and lists.

    Without `baselines` given, the usual ones are judged.

    Raises:
        NothingToEvaluate: nobody chose anything.
    """
    if not any(is_choice(event) for _, event in log.events):
        reasons = "; ".join(f"{count} rows refused: {reason}" for reason, count in log.refused.most_common(3))
        raise NothingToEvaluate(f"{log.name!r} holds no choice of an item by a person. {reasons}".rstrip(". "))
    with ExitStack() as stack:
        stack.enter_context(threadpool_limits(1))
        stack.enter_context(tuned_gc())
        judging = baselines or make_baselines(log)
        stack.callback(judging.close)
        pipeline = BacktestPipeline(system, plan, on_row=judging.add, on_evaluated=sink.add if sink else _forget)
        timing = _play(log, plan, pipeline, report)
        return _played(pipeline, judging.results(), timing)


def _forget(evaluated: EvaluatedList) -> None:
    """Nobody wants the lists."""


def _play(
    log: EventLog, plan: BacktestConfig, pipeline: BacktestPipeline, report: Callable[[BacktestProgress], None]
) -> Timing:
    waiting = deque(_by_time(log.items))
    evaluator = pipeline.evaluator
    judged_from = int(log.rows * plan.warm_up)
    each, looks = np.zeros((2, len(log.events)), np.float32)
    began, cpu_began = time.perf_counter(), time.process_time()
    for done, (index, event) in enumerate(log.events):
        _release(waiting, event.event_time, pipeline)
        looked = time.perf_counter()
        evaluates = index >= judged_from
        served = pipeline.look(event.user_id, event.event_time, event.context.locale)
        evaluator.begin(index, served, evaluates=evaluates)
        playing, judging = time.perf_counter(), evaluator.seconds
        pipeline.play(event)
        each[done] = time.perf_counter() - playing - (evaluator.seconds - judging)
        looks[done] = playing - looked
        if not done % REPORT_EVERY:
            report(_progress(done, each, pipeline))
    report(_progress(len(log.events), each, pipeline))
    took, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    wall = float(each.sum(dtype=np.float64))
    return Timing(wall=wall, cpu=cpu * wall / took, defaults=float(looks.sum(dtype=np.float64)), each=each)


def _by_time(items: Sequence[Item]) -> Iterator[Item]:
    """Items in the order of when they become available; those that do not say so come first."""
    yield from sorted(items, key=lambda item: item.available_from or 0.0)


def _release(waiting: deque[Item], now: float, pipeline: BacktestPipeline) -> None:
    """Tell the system of items when they become available and not before: nobody could know of them."""
    found = []
    while waiting and (waiting[0].available_from or 0.0) <= now:
        found.append(waiting.popleft())
    if found:
        pipeline.put_items(found)


def _progress(done: int, each: NDArray[np.float32], pipeline: BacktestPipeline) -> BacktestProgress:
    """The speed is that of the last events."""
    newest, evaluated = each[max(0, done - LATELY) : done], len(pipeline.evaluator.rows)
    speed = len(newest) / max(float(newest.sum()), 1e-9)
    return BacktestProgress(done, speed, evaluated, pipeline.evaluator.hits / max(1, evaluated))


def _played(pipeline: BacktestPipeline, baselines: BaselineResults, timing: Timing) -> BacktestRun:
    evaluator = pipeline.evaluator
    return BacktestRun(
        rows=evaluator.rows.array(),
        baselines=baselines,
        shown=evaluator.exposure.shown(),
        topic_shown=evaluator.topic_exposure.shown(),
        baskets=evaluator.recall.values(),
        named_baskets=evaluator.baskets.named,
        inferred_baskets=evaluator.baskets.inferred,
        prequential_queries=evaluator.prequential_queries,
        counts=evaluator.counts,
        timing=timing,
        model_version=pipeline.model_version,
    )
