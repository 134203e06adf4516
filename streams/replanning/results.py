"""The results: what production's plans gain on the other arms, in the windows after re-plannings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from inference.evaluation.intervals.cluster_bootstrap import MeanInterval, clustered
from inference.evaluation.metrics.ranks import contributions
from streams.backtest.config import BacktestConfig
from streams.replanning.arms import ARMS
from streams.replanning.run import Compared, ReplanningRun
from streams.replanning.windows import DRIFTS, Replanning, in_windows, matched_controls

NEVER_PLANNED = "never planned"
"""The replay in which nothing plans: another ranker, which learned without plans."""
PLACEBOS = ("random", "swapped")
EVERY_CHOICE, ALL, DRIFT, CONTROLS = "every choice", "all", "drift", "controls of drift"

Bools = NDArray[np.bool_]
Doubles = NDArray[np.float64]


class Gain(Struct, frozen=True, kw_only=True):
    """What production's plans gain on an arm, in HR@10 and NDCG@10, and the share of lists that differ (none where it
    is another ranker's).
    """

    against: str
    lists_changed: float | None
    hit_rate: MeanInterval
    gain: MeanInterval


class Group(Struct, frozen=True, kw_only=True):
    """The choices after re-plannings of one kind, with what production's plans gain on each arm.

    `hit_rate` and `ndcg` are production's own. `beyond_controls` is by how much more they gain than after the matched
    re-plannings; empty where a group has none.
    """

    name: str
    replannings: int
    users: int = 0
    choices: int = 0
    hit_rate: float = 0.0
    ndcg: float = 0.0
    gains: tuple[Gain, ...] = ()
    beyond_controls: tuple[Gain, ...] = ()

    @property
    def beats_placebos(self) -> bool:
        """Whether HR@10 or NDCG@10 is above that of random times and of others' plans, at the lower bounds."""
        placebos = [gain for gain in self.gains if gain.against in PLACEBOS]
        return all(gain.hit_rate.low > 0.0 for gain in placebos) or all(gain.gain.low > 0.0 for gain in placebos)

    @property
    def loses(self) -> tuple[str, ...]:
        """The arms that are better than production's plans, at the upper bound of HR@10 or NDCG@10."""
        return tuple(gain.against for gain in self.gains if gain.hit_rate.high < 0.0 or gain.gain.high < 0.0)


class ReplanningResults(Struct, frozen=True, kw_only=True):
    """All results of a log. `replannings` are production's by reason, and `random` those at random times; the
    milliseconds are processor time per event. `whole` is of every evaluated choice, `groups` of those after
    re-plannings.
    """

    choices: int
    replannings: dict[str, int]
    random: int
    planning_ms_per_event: float
    whole: Group
    groups: tuple[Group, ...]


def replanning_results(run: ReplanningRun, plan: BacktestConfig) -> ReplanningResults:
    """Return the results: all re-plannings, those because of drift, their controls, and each reason by itself."""
    compared, moments = run.compared, run.compared.replannings
    drifts = [one for one in moments if one.trigger in DRIFTS]
    controls = matched_controls(drifts, moments)
    reasons = sorted({one.trigger for one in moments})
    kinds: dict[str, Sequence[Replanning]] = {ALL: moments, DRIFT: drifts, CONTROLS: controls}
    kinds |= {reason: [one for one in moments if one.trigger == reason] for reason in reasons}
    measured = _Measured(run, plan)
    groups = [group for name, kind in kinds.items() if (group := measured.group(name, kind)).choices]
    beyond = measured.beyond(drifts, controls)
    return ReplanningResults(
        choices=len(compared.index),
        replannings=dict(Counter(one.trigger for one in moments)),
        random=compared.random_plans,
        planning_ms_per_event=compared.milliseconds,
        whole=measured.choices(EVERY_CHOICE, len(moments), np.ones(len(compared.index), np.bool_)),
        groups=tuple(replace(group, beyond_controls=beyond) if group.name == DRIFT else group for group in groups),
    )


class _Measured:
    """The gains of every choice: `[choices, arms x 2]`, HR@10 and NDCG@10 of each arm in turn."""

    def __init__(self, run: ReplanningRun, plan: BacktestConfig) -> None:
        self._compared: Compared = run.compared
        self._plan = plan
        self._names = (*ARMS, NEVER_PLANNED)
        self._own = contributions(run.compared.planned)[:, :2]
        others = [contributions(run.compared.ranks[arm])[:, :2] for arm in ARMS]
        others.append(contributions(run.without_plans)[:, :2])
        self._gains: Doubles = np.concatenate([self._own - other for other in others], axis=1)

    def group(self, name: str, replannings: Sequence[Replanning]) -> Group:
        """Return the group of these re-plannings."""
        return self.choices(name, len(replannings), self._windows(replannings))

    def choices(self, name: str, replannings: int, where: Bools) -> Group:
        """Return the group of these choices, bool `[choices]`."""
        if not where.any():
            return Group(name=name, replannings=replannings)
        own = self._own[where].mean(axis=0)
        return Group(
            name=name,
            replannings=replannings,
            users=len(np.unique(self._compared.user[where])),
            choices=int(where.sum()),
            hit_rate=float(own[0]),
            ndcg=float(own[1]),
            gains=self._intervals(self._gains[where], where, lambda arm: float(arm[where].mean())),
        )

    def beyond(self, drifts: Sequence[Replanning], controls: Sequence[Replanning]) -> tuple[Gain, ...]:
        """Return by how much more is gained after drifts than after their controls; empty without either.

        Each choice is weighed so that the mean over both groups is the difference of their means.
        """
        after_drift, after_control = self._windows(drifts), self._windows(controls)
        either = after_drift | after_control
        if not after_drift.any() or not after_control.any():
            return ()
        weights = after_drift / after_drift.sum() - after_control / after_control.sum()
        weighed = (self._gains * (weights * either.sum())[:, None])[either]

        def changed(arm: Bools) -> float:
            return float(arm[after_drift].mean() - arm[after_control].mean())

        return self._intervals(weighed, either, changed)

    def _windows(self, replannings: Sequence[Replanning]) -> Bools:
        return in_windows(replannings, self._compared.index, self._compared.user)

    def _intervals(self, values: Doubles, where: Bools, changed: Callable[[Bools], float]) -> tuple[Gain, ...]:
        users, plan = self._compared.user[where], self._plan
        intervals = clustered(values, users, seed=plan.seed, resamples=plan.resamples)
        differs = self._compared.differs
        return tuple(
            Gain(
                against=name,
                lists_changed=changed(differs[name]) if name in differs else None,
                hit_rate=intervals[2 * row],
                gain=intervals[2 * row + 1],
            )
            for row, name in enumerate(self._names)
        )
