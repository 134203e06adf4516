"""The results of the steerings: violations, the share of the category list by list, and what it costs in hits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from inference.evaluation.intervals.cluster_bootstrap import MeanInterval, clustered
from streams.steering.measures import Steered
from streams.steering.run import STEERINGS, Steering, SteeringPlan, SteeringRun

NEXT_LISTS = 20
"""How many lists after the statement are promised to follow it."""
SPANS = ((1, 1), (2, 5), (6, 20), (21, 10**9))
"""Positions of lists after the statement over which shares are averaged, first and last."""


class SteeringResult(Struct, frozen=True, kw_only=True):
    """One statement: who made it, how many lists followed, and what they held.

    `shares` and `unsteered` are the mean shares of the category by span of `SPANS`, with and without the statement,
    none where there is no list; `kept` is the share in the next 20 lists relative to that without; `violations` are
    lists with an item of a category that was refused, or of another than the only one wanted. `cost` is by how much
    HR@10 changed, over choices.
    """

    name: str
    users: int
    lists: int
    shares: tuple[float | None, ...]
    unsteered: tuple[float | None, ...]
    kept: float
    violations: int
    hit_rate: float
    cost: MeanInterval
    most: float | None
    exactly: float | None

    @property
    def holds(self) -> bool:
        """Whether the lists follow the statement as promised."""
        return not self.violations and (self.most is None or self.kept <= self.most)


def steering_results(
    run: SteeringRun, plan: SteeringPlan, steerings: Sequence[Steering] = STEERINGS
) -> tuple[SteeringResult, ...]:
    """Return the result of each statement that was made, in the order of `steerings`."""
    return tuple(_result(run, plan, steering) for steering in steerings if steering.name in run.steerings)


def _result(run: SteeringRun, plan: SteeringPlan, steering: Steering) -> SteeringResult:
    steered, control = run.steerings[steering.name], run.control
    after = float(steered.share[steered.position <= NEXT_LISTS].mean())
    before = float(control.share[control.position <= NEXT_LISTS].mean())
    changed = steered.hits.astype(np.float64) - control.hits
    [cost] = clustered(changed[:, None], steered.hit_user, seed=plan.seed, resamples=plan.resamples)
    return SteeringResult(
        name=steering.name,
        users=len(run.topics),
        lists=len(steered.share),
        shares=_by_span(steered),
        unsteered=_by_span(control),
        kept=after / before if before else 0.0,
        violations=0 if steering.exactly is None else int(np.count_nonzero(steered.share != steering.exactly)),
        hit_rate=float(control.hits.mean()) if len(control.hits) else 0.0,
        cost=cost,
        most=steering.most,
        exactly=steering.exactly,
    )


def _by_span(steered: Steered) -> tuple[float | None, ...]:
    within = [(steered.position >= first) & (steered.position <= last) for first, last in SPANS]
    return tuple(float(steered.share[where].mean()) if where.any() else None for where in within)
