"""The results of a backtest: every number that is printed, drawn and written as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from agents.explanations import CHECKED_KINDS
from inference.evaluation.baselines.evaluator import BASELINES
from inference.evaluation.intervals.cluster_bootstrap import MeanInterval, clustered
from inference.evaluation.metrics.calibration import Calibration, calibration
from inference.evaluation.metrics.coverage import CoverageMetrics
from inference.evaluation.metrics.miss_analysis import GROUPS, MissAnalysis, group_of, miss_analysis
from inference.evaluation.metrics.prequential import RankingMetrics
from inference.evaluation.metrics.ranks import METRIC_NAMES, contributions, measures
from schemas.event_kinds import is_choice
from streams.backtest.ablations import Ablated, Additions, additions
from streams.backtest.baseline_runner import BaselineRun, BaselineTuning
from streams.backtest.config import BacktestConfig, EventLog
from streams.backtest.evaluated_rows import FATES
from streams.backtest.run import BacktestRun, Timing
from streams.backtest.served_lists import LIST_KINDS

OURS = "Lifelong"
TOPIC = "Lifelong, topic"
CURVE_POINTS = 60
WEEK_SECONDS = 7 * 86_400.0
Ranks = dict[str, NDArray[np.int16]]


class Part(Struct, frozen=True):
    """A part of the evaluated events, and the measures of every system on it."""

    name: str
    measures: dict[str, RankingMetrics]


class ServedShare(Struct, frozen=True):
    """One kind of the topic's lists: share of the events, hit rate, and median age in seconds."""

    share: float
    hit_rate: float
    age: float


class NextBasket(Struct, frozen=True):
    """Recall@10 of whole baskets, by the list just before each; `later` are the baskets of users who had one before."""

    baskets: int
    named: int
    inferred: int
    recall: dict[str, float]
    later_baskets: int
    later_recall: dict[str, float]


class Speed(Struct, frozen=True):
    """Events a second by the wall clock and by processor time, and milliseconds an event by the wall clock.

    Included: encoding and decoding the event, folding, planning, prequential query and list with their candidates and
    features, item statistics, every message as JSON, states, learning and loading weights. Left out: reading the file,
    evaluation and baselines; `defaults_per_event_ms`, non-personalised lists, is counted apart.
    """

    events_per_second: float
    events_per_cpu_second: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    defaults_per_event_ms: float


class ExplanationShares(Struct, frozen=True):
    """Of the lines that explain the items of users' lists: the share that is generic, naming nothing of the user, and
    the share that was checked against a memory or a choice before it was published.
    """

    lines: int
    generic: float
    checked: float


class Comparisons(Struct, frozen=True):
    """Comparisons beside the simple baselines: tuned baselines over the same rows, and backtests without a part."""

    baseline_runs: dict[str, BaselineRun] = field(default_factory=dict)
    ablated: dict[str, Ablated] = field(default_factory=dict)


class BacktestResults(Struct, frozen=True, kw_only=True, rename={"evaluated": "judged", "miss_analysis": "losses"}):
    """The results of one backtest. `hr_request` is of the list ranked just before an event, `hr_topic` of the topic's.

    `running` is the HR@10 of every system so far, at equal distances among the evaluated choices. `systems` and the
    other fields by system include tuned baselines, if there are any; `additions` is what each part adds.
    """

    data: str
    rows: int
    events: int
    choices: int
    evaluated: int
    people: int
    refused: dict[str, int]
    unused: dict[str, int]
    hr_request: float
    ndcg_request: float
    mrr_request: float
    hr_topic: float
    systems: dict[str, RankingMetrics]
    shown: dict[str, CoverageMetrics]
    differences: dict[str, dict[str, MeanInterval]]
    new_people: dict[str, RankingMetrics]
    by_person: tuple[Part, ...]
    by_item: tuple[Part, ...]
    by_week: tuple[Part, ...]
    running: dict[str, tuple[float, ...]]
    miss_analysis: MissAnalysis
    topic: dict[str, ServedShare]
    calibration: dict[str, Calibration]
    next_basket: NextBasket
    explanations: ExplanationShares
    baselines: dict[str, BaselineTuning]
    additions: Additions | None
    speed: Speed
    model_version: int
    plan: BacktestConfig


def backtest_results(
    log: EventLog, plan: BacktestConfig, run: BacktestRun, comparisons: Comparisons | None = None
) -> BacktestResults:
    """Return all results from what a run has observed."""
    baseline_runs = (comparisons := comparisons or Comparisons()).baseline_runs
    rows, ranks = run.rows, _ranks(run, baseline_runs)
    systems = _measures(ranks, np.ones(len(rows), np.bool_))
    lifelong = systems[OURS]
    choices = sum(is_choice(event) for _, event in log.events)
    return BacktestResults(
        data=log.name,
        rows=log.rows,
        events=len(log.events),
        choices=choices,
        evaluated=len(rows),
        people=len(np.unique(rows["user"])),
        refused=dict(log.refused),
        unused=_unused(run.counts, choices - run.prequential_queries),
        hr_request=lifelong.hit_rate,
        ndcg_request=lifelong.gain,
        mrr_request=lifelong.reciprocal_rank,
        hr_topic=systems[TOPIC].hit_rate,
        systems=systems,
        shown=_shown(run, baseline_runs),
        differences=_differences(ranks, rows["user"], plan),
        new_people=_measures(ranks, rows["user_events"] == 0),
        by_person=_parts(ranks, group_of(rows["user_events"]), GROUPS),
        by_item=_parts(ranks, group_of(rows["item_events"]), GROUPS),
        by_week=_weeks(ranks, rows["at"]),
        running=_running(ranks),
        miss_analysis=miss_analysis(rows["fate"], rows["user_events"], FATES),
        topic=_served(rows),
        calibration=_calibration(rows),
        next_basket=_baskets(run, baseline_runs),
        explanations=_explanations(run.counts),
        baselines=_tunings(baseline_runs),
        additions=additions(comparisons.ablated, rows["user"], plan),
        speed=_speed(run.timing),
        model_version=run.model_version,
        plan=plan,
    )


def _ranks(run: BacktestRun, baseline_runs: Mapping[str, BaselineRun]) -> Ranks:
    """Return the ranks of every system on the evaluated choices, Lifelong's first."""
    ranks: Ranks = {OURS: run.rows["rank"], TOPIC: run.rows["topic_rank"]}
    ranks |= {name: run.baselines.ranks[:, column] for column, name in enumerate(BASELINES)}
    return ranks | {name: tuned.results.ranks[:, 0] for name, tuned in baseline_runs.items()}


def _tunings(baseline_runs: Mapping[str, BaselineRun]) -> dict[str, BaselineTuning]:
    return {name: BaselineTuning(tuned.chosen, tuned.trials, tuned.seconds) for name, tuned in baseline_runs.items()}


def _shown(run: BacktestRun, baseline_runs: Mapping[str, BaselineRun]) -> dict[str, CoverageMetrics]:
    shown = {OURS: run.shown, TOPIC: run.topic_shown, **run.baselines.shown}
    return shown | {name: tuned.results.shown[name] for name, tuned in baseline_runs.items()}


def _measures(ranks: Ranks, where: NDArray[np.bool_]) -> dict[str, RankingMetrics]:
    return {name: measures(column[where]) for name, column in ranks.items()}


def _parts(ranks: Ranks, codes: NDArray[np.intp], names: tuple[str, ...]) -> tuple[Part, ...]:
    return tuple(
        Part(name, _measures(ranks, codes == code)) for code, name in enumerate(names) if (codes == code).any()
    )


def _weeks(ranks: Ranks, at: NDArray[np.float64]) -> tuple[Part, ...]:
    """Return the measures by calendar weeks, named by their Mondays."""
    monday = 4 * 86_400.0
    codes = ((at - monday) // WEEK_SECONDS).astype(np.int64)
    epoch = datetime(1970, 1, 5, tzinfo=UTC)
    return tuple(
        Part((epoch + timedelta(weeks=int(code))).date().isoformat(), _measures(ranks, codes == code))
        for code in np.unique(codes)
    )


def _running(ranks: Ranks) -> dict[str, tuple[float, ...]]:
    """Return the HR@10 of all choices so far at `CURVE_POINTS` points, the last one at the end."""
    size = len(next(iter(ranks.values())))
    upto = np.unique(np.linspace(0, size, min(CURVE_POINTS, size) + 1).astype(np.int64)[1:])
    return {
        name: tuple((np.cumsum((column > 0) & (column <= 10))[upto - 1] / upto).tolist())
        for name, column in ranks.items()
    }


def _differences(ranks: Ranks, users: NDArray[np.int32], plan: BacktestConfig) -> dict[str, dict[str, MeanInterval]]:
    """Return Lifelong less each baseline, on the same events."""
    contributed = {name: contributions(column) for name, column in ranks.items()}
    others = [name for name in ranks if name not in (OURS, TOPIC)]
    paired = np.concatenate([contributed[OURS] - contributed[name] for name in others], axis=1)
    intervals = clustered(paired, users, seed=plan.seed, resamples=plan.resamples)
    size = len(METRIC_NAMES)
    return {
        name: dict(zip(METRIC_NAMES, intervals[index * size : (index + 1) * size], strict=True))
        for index, name in enumerate(others)
    }


def _unused(counts: Counter[tuple[str, str]], duplicates: int) -> dict[str, int]:
    """Return counts of records that no handler could use, and of choices whose event id was applied before."""
    unused = {label: count for (name, label), count in sorted(counts.items()) if name == "refused"}
    return unused | ({"an event of this id was applied before": duplicates} if duplicates else {})


def _explanations(counts: Counter[tuple[str, str]]) -> ExplanationShares:
    lines = {label: count for (name, label), count in counts.items() if name == "explained"}
    total = sum(lines.values())
    checked = sum(lines.get(kind, 0) for kind in CHECKED_KINDS)
    return ExplanationShares(total, lines.get("generic", 0) / max(1, total), checked / max(1, total))


def _served(rows: NDArray[np.void]) -> dict[str, ServedShare]:
    shares: dict[str, ServedShare] = {}
    for code, kind in enumerate(LIST_KINDS):
        part = rows[rows["topic_kind"] == code]
        if len(part):
            age = float(np.median(part["topic_age"]))
            shares[kind] = ServedShare(len(part) / len(rows), float((part["topic_rank"] > 0).mean()), age)
    return shares


def _calibration(rows: NDArray[np.void]) -> dict[str, Calibration]:
    """Return the calibration of the softmax over the candidates, where the item was one of them."""
    retrieved = rows[rows["retrieved"]]
    return {
        "first place": calibration(retrieved["top_share"], retrieved["rank"] == 1),
        "list": calibration(retrieved["list_share"], retrieved["rank"] > 0),
    }


def _baskets(run: BacktestRun, baseline_runs: Mapping[str, BaselineRun]) -> NextBasket:
    rows = run.rows[run.rows["opens"]]
    later = {int(row["basket"]) for row in rows if row["later_basket"]}
    recalls = {OURS: run.baskets, **run.baselines.baskets}
    recalls |= {name: tuned.results.baskets[name] for name, tuned in baseline_runs.items()}
    return NextBasket(
        baskets=len(run.baskets),
        named=run.named_baskets,
        inferred=run.inferred_baskets,
        recall={name: _mean(list(values.values())) for name, values in recalls.items()},
        later_baskets=len(later & run.baskets.keys()),
        later_recall={
            name: _mean([value for basket, value in values.items() if basket in later])
            for name, values in recalls.items()
        },
    )


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else 0.0


def _speed(timing: Timing) -> Speed:
    events = len(timing.each)
    p50, p90, p99 = np.percentile(timing.each * 1e3, (50, 90, 99)).tolist()
    return Speed(
        events / timing.wall, events / timing.cpu, p50, p90, p99, defaults_per_event_ms=timing.defaults / events * 1e3
    )
