"""Arms of a backtest: the same log replayed in several ways, compared choice by choice, with intervals over users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from inference.evaluation.intervals.cluster_bootstrap import MeanInterval, clustered
from inference.evaluation.metrics.ranks import contributions, measures
from streams.backtest.baselines_process import NoBaselines
from streams.backtest.config import BacktestConfig, EventLog, SystemConfig
from streams.backtest.process_pool import PoolProgress, ReportProgress, in_processes
from streams.backtest.run import BacktestProgress, backtest

Compared = tuple[str, str]
"""An arm, and the one that is taken from it."""


class BacktestArm(Struct, frozen=True):
    """What an arm replays, and how."""

    log: EventLog
    system: SystemConfig
    plan: BacktestConfig


class ArmRun(Struct, frozen=True):
    """A backtest of one arm: the evaluated `rows`, and processor time in milliseconds an event."""

    rows: NDArray[np.void]
    ms_per_event: float


class ArmMetrics(Struct, frozen=True, kw_only=True):
    """The metrics of one arm over a group of choices."""

    hit_rate: float
    gain: float
    ms_per_event: float


class ArmDifference(Struct, frozen=True, kw_only=True):
    """One arm less another on the same choices, with intervals over users."""

    of: str
    less: str
    hit_rate: MeanInterval
    gain: MeanInterval


class ArmGroup(Struct, frozen=True, kw_only=True):
    """The results over a group of choices, such as those of users never seen before."""

    group: str
    choices: int
    arms: dict[str, ArmMetrics]
    differences: tuple[ArmDifference, ...]


def run_arms(arms: Mapping[str, BacktestArm], *, jobs: int, tell: ReportProgress) -> dict[str, ArmRun]:
    """Run the backtest of each arm, in processes of their own, at most `jobs` at once."""
    return in_processes(tuple(arms), partial(_run_arm, arms), jobs=jobs, tell=tell, start="fork")


def _run_arm(arms: Mapping[str, BacktestArm], name: str, tell: ReportProgress) -> ArmRun:
    return run_arm(arms[name], name, tell)


def run_arm(arm: BacktestArm, name: str, tell: ReportProgress) -> ArmRun:
    """Run the backtest of one arm, without baselines, in this process; `tell` gets its progress under its name."""
    events = len(arm.log.events)

    def report(progress: BacktestProgress) -> None:
        tell(PoolProgress(name, progress.done, events, f"HR@10 {progress.hit_rate:.4f}"))

    run = backtest(arm.log, arm.system, arm.plan, baselines=NoBaselines(), report=report)
    return ArmRun(rows=run.rows.copy(), ms_per_event=1e3 * run.timing.cpu / events)


def group_of(
    name: str, mask: NDArray[np.bool_], runs: Mapping[str, ArmRun], compared: Sequence[Compared], plan: BacktestConfig
) -> ArmGroup:
    """Return the results over the rows of `mask [evaluated]`, which are the same choices in every run."""
    ranks = {arm: run.rows["rank"][mask] for arm, run in runs.items()}
    users = next(iter(runs.values())).rows["user"][mask]
    values = {arm: contributions(own)[:, :2] for arm, own in ranks.items()}
    paired = np.concatenate([values[of] - values[less] for of, less in compared], axis=1)
    intervals = clustered(paired, users, seed=plan.seed, resamples=plan.resamples)
    return ArmGroup(
        group=name,
        choices=int(mask.sum()),
        arms={
            arm: ArmMetrics(
                hit_rate=measures(own).hit_rate, gain=measures(own).gain, ms_per_event=runs[arm].ms_per_event
            )
            for arm, own in ranks.items()
        },
        differences=tuple(
            ArmDifference(of=of, less=less, hit_rate=intervals[2 * row], gain=intervals[2 * row + 1])
            for row, (of, less) in enumerate(compared)
        ),
    )
