"""The decision about a target: its estimates from the log, and warnings where they are not reliable."""

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

MIN_EFFECTIVE_LISTS = 100.0
MIN_EFFECTIVE_CLICKS = 10.0
"""Below so many effective lists or clicks an estimate is not reliable."""
MAX_UNCOVERED = 0.02
"""The largest share of what the target shows that the log may hardly ever show."""
MAX_WEIGHT_SHARE = 0.1
"""The largest share of all weight that one position of one list may carry."""


class PolicyDecision(Struct, frozen=True, kw_only=True):
    """Estimates in clicks per list. `difference` is to what the logging policy earned on the same lists, by the doubly
    robust estimate where there is one, else by SNIPS. `warnings` say why the estimates are not reliable.
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
    """Estimate the value of a trial's target, with weights clipped at `clip`."""
    weighed = weigh(trial, clip)
    plain, normed = ips(trial, weighed), snips(trial, weighed)
    robust = doubly_robust(trial, weighed) if trial.modelled is not None and trial.by != "slate" else None
    earned = np.where(trial.filled, trial.clicks, 0.0)
    weighted = np.where(trial.filled, weighed.click * trial.clicks, 0.0)
    squares = float((weighted**2).sum())
    trial_overlap = overlap(trial, weighed)
    clicks = float(weighted.sum() ** 2 / squares) if squares else 0.0
    return PolicyDecision(
        target=target,
        what=what,
        by=trial.by,
        ips=cluster_robust(plain, trial.users),
        snips=cluster_robust(normed, trial.users),
        doubly_robust=None if robust is None else cluster_robust(robust, trial.users),
        difference=cluster_robust((normed if robust is None else robust) - earned.sum(axis=1), trial.users),
        overlap=trial_overlap,
        effective_clicks=clicks,
        warnings=_warnings(trial_overlap, clicks, float(np.where(trial.filled, weighed.click, 0.0).sum())),
    )


def on_policy(trial: LoggedTrial) -> Interval:
    """Return what the logging policy itself earned, in clicks per list."""
    return cluster_robust(np.where(trial.filled, trial.clicks, 0.0).sum(axis=1), trial.users)


def _warnings(measured: Overlap, clicks: float, total: float) -> tuple[str, ...]:
    warnings = []
    if measured.uncovered > MAX_UNCOVERED:
        warnings.append(
            f"no overlap for {measured.uncovered:.0%} of what it would show: the log hardly ever shows that"
        )
    if measured.effective < MIN_EFFECTIVE_LISTS:
        warnings.append(
            f"little overlap: {measured.lists} lists tell as much as {measured.effective:.0f} of the target's own"
        )
    if clicks < MIN_EFFECTIVE_CLICKS:
        warnings.append(f"few clicks: the weighted ones tell as much as {clicks:.1f}")
    if total and measured.largest > MAX_WEIGHT_SHARE * total:
        warnings.append(f"one position of one list carries {measured.largest / total:.0%} of the weight")
    if not measured.clipped and not measured.mean.low <= 1.0 <= measured.mean.high:
        warnings.append(
            f"the weights average {measured.mean.value:.2f} where 1 is right: "
            "the propensities are not true, or the log lacks what the target would show"
        )
    return tuple(warnings)
