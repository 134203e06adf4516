"""The results of an experiment: arms compared between users, and weights on the same choices, with intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import log2
from typing import Literal

import numpy as np
from msgspec import Struct

from inference.evaluation.experiments.arm_log import HIT_RANK, ExperimentLog, UserLog
from inference.evaluation.experiments.sample_ratio import SampleRatioMismatch, sample_ratio_mismatch
from inference.evaluation.intervals.asymptotic_sequence import UserRatios, difference, one_look, paired, ratios_of
from inference.evaluation.intervals.interval import Interval
from inference.experiment import CONTROL, Experiment
from schemas.ids import UserId

Role = Literal["control", "arm", "shadow"]

BETWEEN: dict[str, tuple[Callable[[UserLog], float], Callable[[UserLog], float]]] = {
    "clicks per list seen": (lambda user_log: user_log.clicks, lambda user_log: user_log.seen),
    "choices per person": (lambda user_log: user_log.choices, lambda user_log: 1.0),
    f"choices in their list of {HIT_RANK}": (lambda user_log: user_log.hits, lambda user_log: user_log.choices),
}
"""The metrics between users: a top over a bottom, each summed by user."""

PAIRED: dict[str, Callable[[int], float]] = {
    "gain": lambda rank: 1.0 / log2(1.0 + rank),
    f"within the first {HIT_RANK}": lambda rank: float(rank <= HIT_RANK),
}
"""The metrics on the same choices: a value of the rank that an arm's weights had given the chosen item."""


class Counts(Struct, frozen=True, kw_only=True):
    """The counts of an arm."""

    arm: str
    role: Role
    people: int
    lists: int
    as_champion: int
    seen: int
    clicks: int
    choices: int


class Metric(Struct, frozen=True, kw_only=True):
    """Each arm's value, with an interval for one look; and its difference to the arm it is compared with, with an
    interval that is valid at every look.
    """

    name: str
    values: dict[str, Interval]
    differences: dict[str, Interval]


class ExperimentResults(Struct, frozen=True, kw_only=True, rename={"organic_choices": "taken"}):
    """The results of an experiment. `level` is the risk that any difference of a metric is reported, at any look, where
    there is none. `paired` is over the organic choices; `sample_ratio` is none where shares are not known.
    """

    experiment: str
    against: str
    level: float
    arms: tuple[Counts, ...]
    between: tuple[Metric, ...]
    organic_choices: int
    paired: tuple[Metric, ...]
    sample_ratio: SampleRatioMismatch | None
    left_out: dict[str, int]
    notes: tuple[str, ...] = ()


def experiment_results(
    log: ExperimentLog, *, against: str = CONTROL, level: float = 0.05, experiment: Experiment | None = None
) -> ExperimentResults:
    """Compare every arm with `against`. With the current `experiment`, sample ratios are checked against its shares."""
    shares = experiment.shares() if experiment is not None else {}
    with_ranks = sorted({arm for _, ranks in log.organic_ranks for arm in ranks})
    names = sorted({user_log.arm for user_log in log.people.values()} | set(with_ranks) | set(shares))
    names.sort(key=lambda name: (name != CONTROL, name not in {user_log.arm for user_log in log.people.values()}))
    arms = tuple(_counts(name, log, shares) for name in names)
    return ExperimentResults(
        experiment=log.experiment,
        against=against,
        level=level,
        arms=arms,
        between=_between(log, [counts.arm for counts in arms if counts.people], against, level),
        organic_choices=len(log.organic_ranks),
        paired=_paired(log, [name for name in names if name in with_ranks], against, level),
        sample_ratio=_sample_ratio(log, experiment, shares) if experiment is not None else None,
        left_out={reason: count for reason, count in log.left_out.items() if count},
    )


def _sample_ratio(log: ExperimentLog, experiment: Experiment, shares: Mapping[str, float]) -> SampleRatioMismatch:
    """Compare the users seen with the shares, by their current arms: so that shares may change during the
    experiment.
    """
    arms = [arm.name for user in log.everybody if (arm := experiment.arm_of(user)) is not None]
    return sample_ratio_mismatch(Counter(arms), shares)


def _counts(arm: str, log: ExperimentLog, shares: Mapping[str, float]) -> Counts:
    own = [user_log for user_log in log.people.values() if user_log.arm == arm]
    return Counts(
        arm=arm,
        role="control" if arm == CONTROL else "arm" if own or shares.get(arm) else "shadow",
        people=len(own),
        lists=sum(user_log.lists for user_log in own),
        as_champion=sum(user_log.as_champion for user_log in own),
        seen=sum(user_log.seen for user_log in own),
        clicks=sum(user_log.clicks for user_log in own),
        choices=sum(user_log.choices for user_log in own),
    )


def _between(log: ExperimentLog, arms: Sequence[str], against: str, level: float) -> tuple[Metric, ...]:
    metrics = []
    for name, (top, bottom) in BETWEEN.items():
        sums = {arm: _sums(log, arm, top, bottom) for arm in arms}
        if any(own.bottoms.any() for own in sums.values()):
            own_level = _comparison_level(level, arms, against)
            differences = {
                arm: difference(own, sums[against], own_level)
                for arm, own in sums.items()
                if against in sums and arm != against
            }
            values = {arm: one_look(own) for arm, own in sums.items()}
            metrics.append(Metric(name=name, values=values, differences=differences))
    return tuple(metrics)


def _sums(
    log: ExperimentLog, arm: str, top: Callable[[UserLog], float], bottom: Callable[[UserLog], float]
) -> UserRatios:
    own = [user_log for user_log in log.people.values() if user_log.arm == arm]
    return ratios_of(
        np.array([top(user_log) for user_log in own], float), np.array([bottom(user_log) for user_log in own], float)
    )


def _comparison_level(level: float, arms: Sequence[str], against: str) -> float:
    """Return the level of each comparison, so that all together keep `level` (Bonferroni)."""
    return level / max(1, len(arms) - (against in arms))


def _paired(log: ExperimentLog, arms: Sequence[str], against: str, level: float) -> tuple[Metric, ...]:
    """Compare arms on the choices that the weights of both have ranked."""
    if not arms:
        return ()
    own_level = _comparison_level(level, arms, against)
    others = [arm for arm in arms if against in arms and arm != against]
    return tuple(
        Metric(
            name=name,
            values={arm: one_look(_rank_values(log, value, arm)) for arm in arms},
            differences={arm: paired(_rank_values(log, value, arm, against), own_level) for arm in others},
        )
        for name, value in PAIRED.items()
    )


def _rank_values(log: ExperimentLog, value: Callable[[int], float], arm: str, against: str | None = None) -> UserRatios:
    """Sum by user the value of the ranks that the arm gave the chosen items, less those that the other arm gave."""
    tops: dict[UserId, float] = {}
    counts: dict[UserId, float] = {}
    for user, ranks in log.organic_ranks:
        if arm in ranks and (against is None or against in ranks):
            gained = value(ranks[arm]) - (value(ranks[against]) if against is not None else 0.0)
            tops[user] = tops.get(user, 0.0) + gained
            counts[user] = counts.get(user, 0.0) + 1.0
    return UserRatios(np.array(list(tops.values())), np.array(list(counts.values())))
