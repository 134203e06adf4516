"""What an experiment came to: arms between people, and weights on the same choices, each with intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import log2
from typing import Literal

import numpy as np
from msgspec import Struct

from inference.evaluation.experiments.arm_log import TOP, ExperimentLog, UserLog
from inference.evaluation.experiments.sample_ratio import SampleRatioMismatch, sample_ratio_mismatch
from inference.evaluation.intervals.asymptotic_sequence import UserRatios, difference, one_look, paired, ratios_of
from inference.evaluation.intervals.interval import Interval
from inference.experiment import CONTROL, Experiment
from schemas.ids import UserId

Role = Literal["control", "arm", "shadow"]

BETWEEN: dict[str, tuple[Callable[[UserLog], float], Callable[[UserLog], float]]] = {
    "clicks per list seen": (lambda life: life.clicks, lambda life: life.seen),
    "choices per person": (lambda life: life.choices, lambda life: 1.0),
    f"choices in their list of {TOP}": (lambda life: life.hits, lambda life: life.choices),
}
"""What arms are compared by, between people: a top over a bottom, summed over each person's life."""

PAIRED: dict[str, Callable[[int], float]] = {
    "gain": lambda place: 1.0 / log2(1.0 + place),
    f"within the first {TOP}": lambda place: float(place <= TOP),
}
"""What weights are compared by, on what people took: a value of the place that they had given it."""


class Counts(Struct, frozen=True, kw_only=True):
    """An arm in numbers."""

    arm: str
    role: Role
    people: int
    lists: int
    as_champion: int
    seen: int
    clicks: int
    choices: int


class Metric(Struct, frozen=True, kw_only=True):
    """Each arm's value, with an interval for one look; and by how much it is above that of the arm compared with, with
    an interval that may be looked at at any time.
    """

    name: str
    values: dict[str, Interval]
    differences: dict[str, Interval]


class ExperimentResults(Struct, frozen=True, kw_only=True):
    """What there is to say of an experiment. `level` is the risk that any difference of a metric, at any look, is
    taken for one and is none. `paired` is over `taken` choices; `sample_ratio` is none where shares are not known.
    """

    experiment: str
    against: str
    level: float
    arms: tuple[Counts, ...]
    between: tuple[Metric, ...]
    taken: int
    paired: tuple[Metric, ...]
    sample_ratio: SampleRatioMismatch | None
    left_out: dict[str, int]
    notes: tuple[str, ...] = ()


def experiment_results(
    lived: ExperimentLog, *, against: str = CONTROL, level: float = 0.05, experiment: Experiment | None = None
) -> ExperimentResults:
    """Compare every arm with `against`. With the `experiment` as it is now, arms are held against their shares."""
    shares = experiment.shares() if experiment is not None else {}
    weighed = sorted({arm for _, places in lived.taken for arm in places})
    names = sorted({life.arm for life in lived.people.values()} | set(weighed) | set(shares))
    names.sort(key=lambda name: (name != CONTROL, name not in {life.arm for life in lived.people.values()}))
    arms = tuple(_counts(name, lived, shares) for name in names)
    return ExperimentResults(
        experiment=lived.experiment,
        against=against,
        level=level,
        arms=arms,
        between=_between(lived, [each.arm for each in arms if each.people], against, level),
        taken=len(lived.taken),
        paired=_paired(lived, [name for name in names if name in weighed], against, level),
        sample_ratio=_sample_ratio(lived, experiment, shares) if experiment is not None else None,
        left_out={reason: count for reason, count in lived.left_out.items() if count},
    )


def _sample_ratio(lived: ExperimentLog, experiment: Experiment, shares: Mapping[str, float]) -> SampleRatioMismatch:
    """Everybody who was seen, by the arm that they are in now: so that shares may be changed on the way."""
    arms = [arm.name for user in lived.everybody if (arm := experiment.arm_of(user)) is not None]
    return sample_ratio_mismatch(Counter(arms), shares)


def _counts(arm: str, lived: ExperimentLog, shares: Mapping[str, float]) -> Counts:
    own = [life for life in lived.people.values() if life.arm == arm]
    return Counts(
        arm=arm,
        role="control" if arm == CONTROL else "arm" if own or shares.get(arm) else "shadow",
        people=len(own),
        lists=sum(life.lists for life in own),
        as_champion=sum(life.as_champion for life in own),
        seen=sum(life.seen for life in own),
        clicks=sum(life.clicks for life in own),
        choices=sum(life.choices for life in own),
    )


def _between(lived: ExperimentLog, arms: Sequence[str], against: str, level: float) -> tuple[Metric, ...]:
    found = []
    for name, (top, bottom) in BETWEEN.items():
        sums = {arm: _sums(lived, arm, top, bottom) for arm in arms}
        if any(own.bottoms.any() for own in sums.values()):
            each = _share(level, arms, against)
            differences = {
                arm: difference(own, sums[against], each)
                for arm, own in sums.items()
                if against in sums and arm != against
            }
            values = {arm: one_look(own) for arm, own in sums.items()}
            found.append(Metric(name=name, values=values, differences=differences))
    return tuple(found)


def _sums(
    lived: ExperimentLog, arm: str, top: Callable[[UserLog], float], bottom: Callable[[UserLog], float]
) -> UserRatios:
    own = [life for life in lived.people.values() if life.arm == arm]
    return ratios_of(np.array([top(life) for life in own], float), np.array([bottom(life) for life in own], float))


def _share(level: float, arms: Sequence[str], against: str) -> float:
    """The risk of each comparison, so that all together have no more than `level`."""
    return level / max(1, len(arms) - (against in arms))


def _paired(lived: ExperimentLog, arms: Sequence[str], against: str, level: float) -> tuple[Metric, ...]:
    """Arms are compared over the choices of which the weights of both have said a place: the same ones for both."""
    if not arms:
        return ()
    each = _share(level, arms, against)
    others = [arm for arm in arms if against in arms and arm != against]
    return tuple(
        Metric(
            name=name,
            values={arm: one_look(_taken(lived, value, arm)) for arm in arms},
            differences={arm: paired(_taken(lived, value, arm, against), each) for arm in others},
        )
        for name, value in PAIRED.items()
    )


def _taken(lived: ExperimentLog, value: Callable[[int], float], arm: str, against: str | None = None) -> UserRatios:
    """By person: the value of the places that the arm gave to what was taken, less those that the other gave."""
    tops: dict[UserId, float] = {}
    counts: dict[UserId, float] = {}
    for user, places in lived.taken:
        if arm in places and (against is None or against in places):
            gained = value(places[arm]) - (value(places[against]) if against is not None else 0.0)
            tops[user] = tops.get(user, 0.0) + gained
            counts[user] = counts.get(user, 0.0) + 1.0
    return UserRatios(np.array(list(tops.values())), np.array(list(counts.values())))
