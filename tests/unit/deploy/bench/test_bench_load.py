"""The load of the bench: who acts, when, and which settings make no sense."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import numpy as np
import pytest
from msgspec.structs import replace

from deploy.bench.errors import CannotMeasure
from deploy.bench.load.choices import USER_EXPONENT, choices, choices_of, user_shares
from deploy.bench.plan import BenchPlan, Burst, check, due_times, parse_burst, parse_numbers

USERS, ITEMS, DRAWS = 50, 400, 20_000


def events_by_user(skew: str) -> Counter[str]:
    return Counter(user for user, _ in islice(choices(USERS, ITEMS, 1, skew), DRAWS))  # type: ignore[arg-type]


def test_skewed_users_act_by_zipfs_law() -> None:
    shares = user_shares(USERS, "zipf")
    assert shares.sum() == pytest.approx(1.0)
    assert shares[0] / shares[9] == pytest.approx(10**USER_EXPONENT)
    counts = events_by_user("zipf")
    expected = shares * DRAWS
    found = np.array([counts[f"user-{number}"] for number in range(USERS)])
    assert np.abs(found - expected).max() < 5 * np.sqrt(expected.max())


def test_uniform_users_act_alike() -> None:
    counts = events_by_user("uniform")
    assert len(counts) == USERS
    assert max(counts.values()) < 1.4 * min(counts.values())


def test_the_same_seed_draws_the_same_events_and_another_one_others() -> None:
    first, again, other = (list(islice(choices(USERS, ITEMS, seed), 100)) for seed in (1, 1, 2))
    assert first == again != other


def test_items_are_those_of_the_catalogue() -> None:
    drawn = {item for _, item in islice(choices(USERS, ITEMS, 1), DRAWS)} | set(islice(choices_of(3, ITEMS, 1), 500))
    assert drawn <= {f"item-{number}" for number in range(ITEMS)}


def test_each_user_keeps_to_three_categories_in_either_loop() -> None:
    open_loop = {int(item[5:]) % 20 for user, item in islice(choices(USERS, ITEMS, 1), DRAWS) if user == "user-3"}
    closed_loop = {int(item[5:]) % 20 for item in islice(choices_of(3, ITEMS, 1), 500)}
    assert open_loop == closed_loop
    assert len(open_loop) == 3


def test_a_burst_lies_within_the_run_with_more_time_after_it_than_before() -> None:
    plan = BenchPlan(rate=10, seconds=60, burst=Burst(100, 12))
    begin, end = plan.disturbed or (0.0, 0.0)
    assert (begin, end) == (16, 28)
    times = due_times(plan)
    assert bool((np.diff(times) > 0).all())
    assert len(times) == 10 * 48 + 100 * 12
    assert int(((times >= begin) & (times < end)).sum()) == 1_200


def test_a_stall_changes_no_events() -> None:
    plan = BenchPlan(rate=10, seconds=60)
    assert due_times(replace(plan, stall_seconds=20)).tolist() == due_times(plan).tolist()


@pytest.mark.parametrize("text", ["1500", "a:b", "1:2:3", ":"])
def test_a_burst_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(CannotMeasure, match="RATE:SECONDS"):
        parse_burst(text)


def test_no_burst_is_none() -> None:
    assert parse_burst("") is None


def test_seeds_are_whole_numbers() -> None:
    assert parse_numbers("1,2,3", "--seeds") == (1, 2, 3)
    with pytest.raises(CannotMeasure, match="--seeds '1,x'"):
        parse_numbers("1,x", "--seeds")


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        (BenchPlan(rate=0), "above 0"),
        (BenchPlan(burst=Burst(0, 1)), "above 0"),
        (BenchPlan(burst=Burst(1, 1), stall_seconds=1), "two runs"),
        (BenchPlan(loop="closed", stall_seconds=1), "--loop open"),
        (BenchPlan(seconds=10, stall_seconds=10), "shorter"),
    ],
)
def test_settings_that_make_no_sense_together_are_refused(plan: BenchPlan, reason: str) -> None:
    with pytest.raises(CannotMeasure, match=reason):
        check(plan)
