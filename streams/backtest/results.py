"""What a replay comes to: every number that is printed, drawn and written as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from inference.evaluation.baselines.evaluator import BASELINES
from inference.evaluation.intervals.cluster_bootstrap import MeanInterval, clustered
from inference.evaluation.metrics.calibration import Calibration, calibration
from inference.evaluation.metrics.coverage import CoverageMetrics
from inference.evaluation.metrics.miss_analysis import GROUPS, MissAnalysis, group_of, miss_analysis
from inference.evaluation.metrics.prequential import RankingMetrics
from inference.evaluation.metrics.ranks import METRIC_NAMES, contributions, measures
from schemas.interactions import Consumption
from streams.backtest.ablations import Ablated, Additions, additions
from streams.backtest.baseline_runner import BaselineRun, BaselineTuning
from streams.backtest.config import BacktestConfig, EventLog
from streams.backtest.evaluated_rows import FATES
from streams.backtest.run import BacktestRun, Timing
from streams.backtest.served_lists import KINDS

OURS = "Lifelong"
TOPIC = "Lifelong, topic"
SYSTEMS = (OURS, TOPIC, *BASELINES)
POINTS = 60
WEEK = 7 * 86_400.0
Ranks = dict[str, NDArray[np.int16]]


class Part(Struct, frozen=True):
    """Some of the judged events, and everybody's measures on them."""

    name: str
    measures: dict[str, RankingMetrics]


class ServedShare(Struct, frozen=True):
    """Where the topic's lists came from: share of the events, hit rate, and median age in seconds."""

    share: float
    hit_rate: float
    age: float


class NextBasket(Struct, frozen=True):
    """Recall@10 of whole baskets, by the list of just before each; `later` are those of people who had one before."""

    baskets: int
    named: int
    inferred: int
    recall: dict[str, float]
    later_baskets: int
    later_recall: dict[str, float]


class Speed(Struct, frozen=True):
    """Events a second by the wall clock and by processor time, and milliseconds an event by the wall clock.

    Included: encoding and decoding the event, folding, planning, exam and list with their candidates and features,
    item statistics, every message as JSON, states, learning and taking up weights. Left out: reading the file, judging
    and the floors; `defaults_per_event_ms`, lists for people never seen, is told apart.
    """

    events_per_second: float
    events_per_cpu_second: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    defaults_per_event_ms: float


class Comparisons(Struct, frozen=True):
    """What was played beside ours and the floors: baselines over the same rows, and replays without a part."""

    baseline_runs: dict[str, BaselineRun] = field(default_factory=dict)
    ablated: dict[str, Ablated] = field(default_factory=dict)


class BacktestResults(Struct, frozen=True, kw_only=True):
    """One replay. `hr_request` judges the list of the moment of the event, `hr_topic` what the topic held then.

    `running` is everybody's HR@10 so far, at places equally far apart among the judged choices. `systems` and what is
    told of each hold the baselines too, if there are any; `additions` is what each part adds that was left out.
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
    baselines: dict[str, BaselineTuning]
    additions: Additions | None
    speed: Speed
    model_version: int
    plan: BacktestConfig


def backtest_results(
    log: EventLog, plan: BacktestConfig, played: BacktestRun, beside: Comparisons | None = None
) -> BacktestResults:
    """Everything from what was observed."""
    beside = beside or Comparisons()
    baseline_runs = beside.baseline_runs
    rows, ranks = played.rows, _ranks(played, baseline_runs)
    systems = _measures(ranks, np.ones(len(rows), np.bool_))
    ours = systems[OURS]
    choices = sum(isinstance(event, Consumption) for _, event in log.events)
    return BacktestResults(
        data=log.name,
        rows=log.rows,
        events=len(log.events),
        choices=choices,
        evaluated=len(rows),
        people=len(np.unique(rows["user"])),
        refused=dict(log.refused),
        unused=_unused(played.counts, choices - played.prequential_queries),
        hr_request=ours.hit_rate,
        ndcg_request=ours.gain,
        mrr_request=ours.reciprocal_rank,
        hr_topic=systems[TOPIC].hit_rate,
        systems=systems,
        shown=_shown(played, baseline_runs),
        differences=_differences(ranks, rows["user"], plan),
        new_people=_measures(ranks, rows["user_events"] == 0),
        by_person=_parts(ranks, group_of(rows["user_events"]), GROUPS),
        by_item=_parts(ranks, group_of(rows["item_events"]), GROUPS),
        by_week=_weeks(ranks, rows["at"]),
        running=_running(ranks),
        miss_analysis=miss_analysis(rows["fate"], rows["user_events"], FATES),
        topic=_served(rows),
        calibration=_calibration(rows),
        next_basket=_baskets(played, baseline_runs),
        baselines={name: BaselineTuning(one.chosen, one.trials, one.seconds) for name, one in baseline_runs.items()},
        additions=additions(beside.ablated, rows["user"], plan),
        speed=_speed(played.timing),
        model_version=played.model_version,
        plan=plan,
    )


def _ranks(played: BacktestRun, baseline_runs: Mapping[str, BaselineRun]) -> Ranks:
    """Everybody's places on the judged choices, ours first."""
    ranks: Ranks = {OURS: played.rows["rank"], TOPIC: played.rows["topic_rank"]}
    ranks |= {name: played.baselines.ranks[:, place] for place, name in enumerate(BASELINES)}
    return ranks | {name: one.results.ranks[:, 0] for name, one in baseline_runs.items()}


def _shown(played: BacktestRun, baseline_runs: Mapping[str, BaselineRun]) -> dict[str, CoverageMetrics]:
    shown = {OURS: played.shown, TOPIC: played.topic_shown, **played.baselines.shown}
    return shown | {name: one.results.shown[name] for name, one in baseline_runs.items()}


def _measures(ranks: Ranks, where: NDArray[np.bool_]) -> dict[str, RankingMetrics]:
    return {name: measures(one[where]) for name, one in ranks.items()}


def _parts(ranks: Ranks, codes: NDArray[np.intp], names: tuple[str, ...]) -> tuple[Part, ...]:
    return tuple(
        Part(name, _measures(ranks, codes == code)) for code, name in enumerate(names) if (codes == code).any()
    )


def _weeks(ranks: Ranks, at: NDArray[np.float64]) -> tuple[Part, ...]:
    """By calendar weeks, named by their Mondays."""
    monday = 4 * 86_400.0
    codes = ((at - monday) // WEEK).astype(np.int64)
    epoch = datetime(1970, 1, 5, tzinfo=UTC)
    return tuple(
        Part((epoch + timedelta(weeks=int(code))).date().isoformat(), _measures(ranks, codes == code))
        for code in np.unique(codes)
    )


def _running(ranks: Ranks) -> dict[str, tuple[float, ...]]:
    """HR@10 of all choices up to there, at `POINTS` places, the last one at the end."""
    size = len(next(iter(ranks.values())))
    upto = np.unique(np.linspace(0, size, min(POINTS, size) + 1).astype(np.int64)[1:])
    return {name: tuple((np.cumsum((one > 0) & (one <= 10))[upto - 1] / upto).tolist()) for name, one in ranks.items()}


def _differences(ranks: Ranks, people: NDArray[np.int32], plan: BacktestConfig) -> dict[str, dict[str, MeanInterval]]:
    """Ours less each floor and baseline, on the same events."""
    each = {name: contributions(one) for name, one in ranks.items()}
    others = [name for name in ranks if name not in (OURS, TOPIC)]
    paired = np.concatenate([each[OURS] - each[name] for name in others], axis=1)
    intervals = clustered(paired, people, seed=plan.seed, resamples=plan.resamples)
    size = len(METRIC_NAMES)
    return {
        name: dict(zip(METRIC_NAMES, intervals[place * size : (place + 1) * size], strict=True))
        for place, name in enumerate(others)
    }


def _unused(counts: Counter[tuple[str, str]], duplicates: int) -> dict[str, int]:
    """Records that no handler could use, and choices whose event id had come before."""
    unused = {label: count for (name, label), count in sorted(counts.items()) if name == "refused"}
    return unused | ({"an event of this id was applied before": duplicates} if duplicates else {})


def _served(rows: NDArray[np.void]) -> dict[str, ServedShare]:
    found: dict[str, ServedShare] = {}
    for code, kind in enumerate(KINDS):
        part = rows[rows["topic_kind"] == code]
        if len(part):
            age = float(np.median(part["topic_age"]))
            found[kind] = ServedShare(len(part) / len(rows), float((part["topic_rank"] > 0).mean()), age)
    return found


def _calibration(rows: NDArray[np.void]) -> dict[str, Calibration]:
    """Of the softmax over the candidates, where the item was one of them."""
    held = rows[rows["retrieved"]]
    return {
        "first place": calibration(held["top_share"], held["rank"] == 1),
        "list": calibration(held["list_share"], held["rank"] > 0),
    }


def _baskets(played: BacktestRun, baseline_runs: Mapping[str, BaselineRun]) -> NextBasket:
    rows = played.rows[played.rows["opens"]]
    later = {int(row["basket"]) for row in rows if row["later_basket"]}
    recalls = {OURS: played.baskets, **played.baselines.baskets}
    recalls |= {name: one.results.baskets[name] for name, one in baseline_runs.items()}
    return NextBasket(
        baskets=len(played.baskets),
        named=played.named_baskets,
        inferred=played.inferred_baskets,
        recall={name: _mean(list(values.values())) for name, values in recalls.items()},
        later_baskets=len(later & played.baskets.keys()),
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
