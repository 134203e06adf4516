"""Ablations: the backtest without one part, all else equal, compared choice by choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from inference.evaluation.intervals.cluster_bootstrap import MeanInterval, clustered
from inference.evaluation.metrics.ranks import METRIC_NAMES, contributions
from streams.backtest.arms import BacktestArm, run_arm
from streams.backtest.config import BacktestConfig, EventLog, SystemConfig
from streams.backtest.process_pool import ReportProgress, in_processes

WHOLE, AGAIN = "nothing left out", "nothing left out, again"
"""The whole system runs first and last: the difference of its two times is the noise of the others'."""


class Ablated(Struct, frozen=True, kw_only=True):
    """A backtest without a part: `ranks` int16 `[evaluated]`, and processor time in milliseconds an event."""

    ranks: NDArray[np.int16]
    ms_per_event: float


class Addition(Struct, frozen=True, kw_only=True):
    """What a part adds: the whole less the backtest without it; milliseconds are processor time an event."""

    hit_rate: MeanInterval
    gain: MeanInterval
    reciprocal_rank: MeanInterval
    ms_per_event: float


class Additions(Struct, frozen=True):
    """What each part adds, and the milliseconds an event of the whole, which ran twice."""

    parts: dict[str, Addition]
    whole_ms: tuple[float, float]


def ablate(
    log: EventLog, system: SystemConfig, plan: BacktestConfig, parts: Sequence[str], *, jobs: int, tell: ReportProgress
) -> dict[str, Ablated]:
    """Run a backtest without each part, and two of the whole among them, so that times are comparable."""
    if not parts:
        return {}
    return in_processes((WHOLE, *parts, AGAIN), partial(_without, log, system, plan), jobs=jobs, tell=tell)


def _without(log: EventLog, system: SystemConfig, plan: BacktestConfig, part: str, tell: ReportProgress) -> Ablated:
    """Run the same backtest without the part and without baselines, in a process of its own."""
    left_out = () if part in (WHOLE, AGAIN) else (part,)
    run = run_arm(BacktestArm(log, system, replace(plan, without=left_out)), part, tell)
    return Ablated(ranks=run.rows["rank"].copy(), ms_per_event=run.ms_per_event)


def additions(ablated: Mapping[str, Ablated], users: NDArray[np.int32], plan: BacktestConfig) -> Additions | None:
    """Return what each part adds on the same choices, with intervals over users; `users [evaluated]`."""
    if not ablated:
        return None
    parts = [name for name in ablated if name not in (WHOLE, AGAIN)]
    ours, times = contributions(ablated[WHOLE].ranks), (ablated[WHOLE].ms_per_event, ablated[AGAIN].ms_per_event)
    paired = np.concatenate([ours - contributions(ablated[name].ranks) for name in parts], axis=1)
    intervals = clustered(paired, users, seed=plan.seed, resamples=plan.resamples)
    size = len(METRIC_NAMES)
    parts_added = {
        name: Addition(
            **dict(zip(METRIC_NAMES, intervals[index * size : (index + 1) * size], strict=True)),
            ms_per_event=sum(times) / 2.0 - ablated[name].ms_per_event,
        )
        for index, name in enumerate(parts)
    }
    return Additions(parts_added, times)


def by_worth(added: Additions) -> list[tuple[str, Addition]]:
    """Return the parts by what they add to HR@10, the most first."""
    return sorted(added.parts.items(), key=lambda item: -item[1].hit_rate.value)


def noise(added: Additions) -> str:
    """Return a sentence on how precise the milliseconds are."""
    first, last = added.whole_ms
    return f"The whole took {first:.2f} and {last:.2f} ms: less than {abs(first - last):.2f} ms is noise."
