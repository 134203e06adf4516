"""What the log says of a target, and how far it can be believed."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from inference.evaluation.intervals.cluster_robust import cluster_robust
from inference.evaluation.intervals.interval import Interval
from inference.evaluation.off_policy.estimators import (
    By,
    LoggedTrial,
    Overlap,
    doubly_robust,
    ips,
    overlap,
    snips,
    weigh,
)

FEW = 100.0
"""Below so many effective lists, or effective clicks, an estimate is hardly one."""
FEW_CLICKS = 10.0
UNCOVERED = 0.02
HEAVY = 0.1
"""Which share of all the weight may lie on one place of one list."""


class PolicyDecision(Struct, frozen=True, kw_only=True):
    """Estimates in clicks per list. `difference` is to what the logging policy earned on the same lists, by the doubly
    robust estimate where there is one, else by SNIPS. `warnings` say why not to believe it.
    """

    target: str
    what: str
    by: By
    ips: Interval
    snips: Interval
    doubly_robust: Interval | None
    difference: Interval
    overlap: Overlap
    effective_clicks: float
    warnings: tuple[str, ...]


def decide(target: str, what: str, trial: LoggedTrial, *, clip: float = np.inf) -> PolicyDecision:
    """Weigh a trial, none of the weights above `clip`."""
    weighed = weigh(trial, clip)
    plain, normed = ips(trial, weighed), snips(trial, weighed)
    robust = doubly_robust(trial, weighed) if trial.modelled is not None and trial.by != "slate" else None
    earned = np.where(trial.filled, trial.clicks, 0.0)
    told = np.where(trial.filled, weighed.click * trial.clicks, 0.0)
    squares = float((told**2).sum())
    laps = overlap(trial, weighed)
    clicks = float(told.sum() ** 2 / squares) if squares else 0.0
    return PolicyDecision(
        target=target,
        what=what,
        by=trial.by,
        ips=cluster_robust(plain, trial.users),
        snips=cluster_robust(normed, trial.users),
        doubly_robust=None if robust is None else cluster_robust(robust, trial.users),
        difference=cluster_robust((normed if robust is None else robust) - earned.sum(axis=1), trial.users),
        overlap=laps,
        effective_clicks=clicks,
        warnings=_warnings(laps, clicks, float(np.where(trial.filled, weighed.click, 0.0).sum())),
    )


def on_policy(trial: LoggedTrial) -> Interval:
    """What the logging policy earned itself, in clicks per list."""
    return cluster_robust(np.where(trial.filled, trial.clicks, 0.0).sum(axis=1), trial.users)


def _warnings(laps: Overlap, clicks: float, total: float) -> tuple[str, ...]:
    found = []
    if laps.uncovered > UNCOVERED:
        found.append(f"no overlap for {laps.uncovered:.0%} of what it would show: the log hardly ever shows that")
    if laps.effective < FEW:
        found.append(f"little overlap: {laps.lists} lists tell as much as {laps.effective:.0f} of the target's own")
    if clicks < FEW_CLICKS:
        found.append(f"few clicks: the weighted ones tell as much as {clicks:.1f}")
    if total and laps.largest > HEAVY * total:
        found.append(f"one place of one list carries {laps.largest / total:.0%} of the weight")
    if not laps.clipped and not laps.mean.low <= 1.0 <= laps.mean.high:
        found.append(
            f"the weights average {laps.mean.value:.2f} where 1 is right: "
            "the propensities are not true, or the log lacks what the target would show"
        )
    return tuple(found)
