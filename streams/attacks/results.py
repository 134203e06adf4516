"""The results of the attacks: by how much each crowd raised the exposure of its target, day by day."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from features.decay import DAY
from inference.evaluation.intervals.cluster_bootstrap import MeanInterval, clustered
from schemas.ids import ItemId
from streams.attacks.crowds import Attack, fake_events
from streams.attacks.exposure import SYSTEMS, Exposed
from streams.attacks.run import AttackPlan, AttackRun


class DayExposure(Struct, frozen=True, kw_only=True):
    """One day after the beginning of an attack: by system, the share of lists with the target beyond the share without
    the attack.
    """

    day: int
    lists: int
    added: dict[str, MeanInterval]


class AttackResult(Struct, frozen=True, kw_only=True):
    """One attack: its accounts, its target, the choices of the target before it, and every day after it began."""

    name: str
    accounts: int
    events: int
    target: ItemId
    reach: float
    days: tuple[DayExposure, ...]

    def worst(self, system: str) -> float:
        """Return the largest added exposure of any day; below zero if the target lost on every day."""
        return max(day.added[system].value for day in self.days)

    @property
    def holds(self) -> bool:
        """Whether the lists that Lifelong makes stay within the promised reach on every day, also the strangers'."""
        return max(self.worst(system) for system in SYSTEMS[:2]) <= self.reach


def attack_results(run: AttackRun, plan: AttackPlan, attacks: Sequence[Attack]) -> tuple[AttackResult, ...]:
    """Return the result of each attack that was run, in the order of `attacks`."""
    return tuple(_result(run, plan, attack) for attack in attacks if attack.name in run.attacks)


def _result(run: AttackRun, plan: AttackPlan, attack: Attack) -> AttackResult:
    exposed, control = run.attacks[attack.name], run.control
    row = list(run.scene.targets).index(attack.target)
    added = exposed.holds[row].astype(np.float64) - control.holds[row]
    day_of = ((control.at - run.scene.at) // DAY).astype(np.int64)
    return AttackResult(
        name=attack.name,
        accounts=attack.crowd(run.scene),
        events=len(fake_events(attack, run.scene, seed=plan.seed)),
        target=run.scene.targets[attack.target],
        reach=attack.reach,
        days=tuple(_day(int(day), added[day_of == day], control, day_of == day, plan) for day in np.unique(day_of)),
    )


def _day(
    day: int, added: NDArray[np.float64], control: Exposed, where: NDArray[np.bool_], plan: AttackPlan
) -> DayExposure:
    intervals = clustered(added, control.users[where], seed=plan.seed, resamples=plan.resamples)
    return DayExposure(day=day + 1, lists=len(added), added=dict(zip(SYSTEMS, intervals, strict=True)))
