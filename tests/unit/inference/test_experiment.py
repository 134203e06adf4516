"""Who is in which arm: as many as the shares say, the same ones for good, and others in another experiment."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from inference.experiment import CONTROL, HASH_POINTS, Arm, Experiment, point_of, points_of
from schemas.ids import DEFAULT_USER, UserId

PEOPLE = [UserId(f"user-{number}") for number in range(20_000)]


def experiment(name: str = "spring", **shares: float) -> Experiment:
    return Experiment(name, Arm(name=CONTROL), [Arm(name=arm, share=share) for arm, share in shares.items()])


def arms(of: Experiment) -> list[str]:
    return [arm.name for user in PEOPLE if (arm := of.arm_of(user))]


def test_each_arm_has_its_share_and_control_the_rest() -> None:
    found = Counter(arms(experiment(bold=0.3, calm=0.05, shadow=0.0)))
    expected = {"bold": 0.3, "calm": 0.05, CONTROL: 0.65}
    assert set(found) == set(expected)
    for name, share in expected.items():
        spread = (share * (1 - share) * len(PEOPLE)) ** 0.5
        assert abs(found[name] - share * len(PEOPLE)) < 4 * spread


def test_three_arms_of_a_third_leave_hardly_any_user_to_control() -> None:
    shares = experiment(one=1 / 3, two=1 / 3, three=1 / 3).shares()
    assert shares == {CONTROL: 0.0001, "one": 0.3333, "two": 0.3333, "three": 0.3333}


def test_another_process_assigns_the_same_arms() -> None:
    code = (
        "from inference.experiment import *\n"
        "e = Experiment('spring', Arm(name='control'), [Arm(name='bold', share=0.5)])\n"
        "print([e.arm_of(f'user-{n}').name for n in range(50)])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == str(arms(experiment(bold=0.5))[:50])


def test_arms_of_two_experiments_are_independent() -> None:
    spring, autumn = (np.array(arms(experiment(name, bold=0.5))) == "bold" for name in ("spring", "autumn"))
    both = (spring & autumn).mean()
    assert abs(both - spring.mean() * autumn.mean()) < 4 * 0.25 / len(PEOPLE) ** 0.5
    again = np.array([point_of("autumn", user) for user in PEOPLE])
    assert abs(np.corrcoef([point_of("spring", user) for user in PEOPLE], again)[0, 1]) < 0.03


def test_users_are_hashed_evenly_to_all_points() -> None:
    counts = np.bincount([point_of("spring", user) * 20 // HASH_POINTS for user in PEOPLE])
    expected = len(PEOPLE) / 20
    assert ((counts - expected) ** 2 / expected).sum() < 43.8  # the 0.999 quantile of chi-square with 19


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((0.0,), (0.05,)),
        ((0.05,), (1.0,)),
        ((0.1, 0.1), (0.1, 0.9)),
        ((0.1, 0.1), (0.9, 0.1)),
        ((0.0, 0.5), (0.5, 0.5)),
        ((0.6, 0.2, 0.0), (0.6, 0.2, 0.2)),
        ((0.2, 0.2, 0.2), (0.6, 0.2, 0.2)),
        ((0.1, 0.2, 0.25, 0.1), (0.2, 0.2, 0.25, 0.25)),
    ],
)
def test_users_stay_in_their_arm_when_its_share_grows(before: tuple[float, ...], after: tuple[float, ...]) -> None:
    pairs = list(zip(points_of(before), points_of(after), strict=True))
    assert not [pair for pair in pairs if pair[0] and pair[0] != pair[1]]


def test_users_of_an_arm_that_shrinks_were_in_it_before() -> None:
    before, after = points_of((0.4, 0.3)), points_of((0.1, 0.3))
    assert {was for was, now in zip(before, after, strict=True) if now == 1} == {1}


def test_the_non_personalised_list_is_in_no_arm() -> None:
    assert experiment(bold=1.0).arm_of(DEFAULT_USER) is None
