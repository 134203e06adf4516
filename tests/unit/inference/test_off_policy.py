"""Estimates of what a policy would have earned are right on average, and their intervals hold the truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from msgspec.structs import replace

from inference.evaluation.intervals.cluster_robust import cluster_robust, student_quantile
from inference.evaluation.intervals.interval import Doubles, Interval
from inference.evaluation.off_policy.estimators import (
    By,
    LoggedTrial,
    Weighed,
    doubly_robust,
    ips,
    overlap,
    snips,
    weigh,
)
from tests.unit.inference.lotteries import Log, log, trial, truth

LOGS = 300
BYS: tuple[By, ...] = ("item", "cascade", "slate", "place")
WAYS: tuple[Callable[[LoggedTrial, Weighed], Doubles], ...] = (ips, snips, doubly_robust)


def ways(by: By) -> tuple[Callable[[LoggedTrial, Weighed], Doubles], ...]:
    return WAYS[:2] if by == "slate" else WAYS


@pytest.mark.parametrize("by", BYS)
def test_intervals_of_95_percent_hold_the_truth_in_92_to_98_percent_of_the_logs(by: By) -> None:
    covered: Counter[tuple[str, str]] = Counter()
    sums: Counter[tuple[str, str]] = Counter()
    for seed in range(LOGS):
        logged = log(seed, by)
        for target in ("bolder", "best"):
            tried, right = trial(logged, target, by), truth(target, by)
            weighed = weigh(tried)
            for way in ways(by):
                interval = cluster_robust(way(tried, weighed), tried.users)
                covered[(target, way.__name__)] += interval.low <= right <= interval.high
                sums[(target, way.__name__)] += interval.value  # type: ignore[assignment]
    for (target, way_name), times in covered.items():
        assert 0.92 <= times / LOGS <= 0.98, (target, way_name, times / LOGS)
        assert sums[(target, way_name)] / LOGS == pytest.approx(truth(target, by), rel=0.03)


def test_an_informative_click_model_narrows_the_interval_and_an_uninformative_one_does_no_harm() -> None:
    logged = [log(seed, "item", user_count=400) for seed in range(40)]
    plain, helped, misled = ([_width(interval, way) for interval in logged] for way in ("ips", "good", "bad"))
    assert np.mean([width for width, _ in helped]) < 0.95 * np.mean([width for width, _ in plain])
    assert np.mean([value for _, value in misled]) == pytest.approx(truth("best", "item"), rel=0.03)


def _width(logged: Log, way: str) -> tuple[float, float]:
    tried = trial(logged, "best", "item")
    if way == "bad":
        tried = replace(tried, modelled=np.full((2, *tried.clicks.shape), 0.7))
    weighed = weigh(tried)
    interval = cluster_robust((ips if way == "ips" else doubly_robust)(tried, weighed), tried.users)
    return interval.high - interval.low, interval.value


def test_the_logging_policy_is_worth_what_was_clicked() -> None:
    tried = trial(log(1, "slate"), "logged", "slate")
    clicked = float(tried.clicks.sum(axis=1).mean())
    assert [cluster_robust(way(tried, weigh(tried)), tried.users).value for way in WAYS[:2]] == pytest.approx(
        [clicked] * 2
    )
    assert overlap(tried, weigh(tried)).effective == pytest.approx(len(tried.users))


def test_the_slate_assumption_costs_most_and_the_item_assumption_least() -> None:
    logged = log(5, "item")
    effective = {by: overlap(tried := trial(logged, "best", by), weigh(tried)).effective for by in BYS}
    assert effective["slate"] < effective["cascade"] < effective["item"] < len(logged.users)


def test_weights_of_true_propensities_average_one_and_of_false_ones_do_not() -> None:
    tried = trial(log(3, "item", user_count=600), "uniform", "item")
    mean = overlap(tried, weigh(tried)).mean
    assert mean.low <= 1.0 <= mean.high
    false = replace(tried, ratio=tried.ratio * np.where(tried.ratio > 1.0, 1.5, 1.0))
    assert overlap(false, weigh(false)).mean.low > 1.0


def test_clipped_weights_are_small_and_reported_as_clipped() -> None:
    tried = trial(log(3, "cascade"), "best", "cascade")
    free, cut = overlap(tried, weigh(tried)), overlap(tried, weigh(tried, clip=2.0))
    assert (free.clipped, cut.largest) == (0.0, 2.0)
    assert 0.0 < cut.clipped < 1.0
    assert cut.effective > free.effective


def test_a_position_that_a_list_lacks_counts_for_nothing() -> None:
    tried = trial(log(4, "cascade"), "bolder", "cascade")
    wide = LoggedTrial(
        by="cascade",
        clicks=np.pad(tried.clicks, ((0, 0), (0, 2)), constant_values=9.0),
        ratio=np.pad(tried.ratio, ((0, 0), (0, 2)), constant_values=7.0),
        filled=np.pad(tried.filled, ((0, 0), (0, 2))),
        users=tried.users,
        modelled=np.pad(tried.modelled, ((0, 0), (0, 0), (0, 2)), constant_values=5.0),  # type: ignore[arg-type]
    )
    for way in WAYS:
        assert way(wide, weigh(wide)) == pytest.approx(way(tried, weigh(tried)))
    assert overlap(wide, weigh(wide)) == overlap(tried, weigh(tried))


def test_lists_of_one_user_are_not_evidence_from_many() -> None:
    parts = np.random.default_rng(0).random(50)
    alone = cluster_robust(np.repeat(parts, 20), np.repeat(np.arange(50), 20))
    assert (alone.high - alone.low) == pytest.approx((lambda e: e.high - e.low)(cluster_robust(parts, np.arange(50))))


@pytest.mark.parametrize(
    ("parts", "users"),
    [([], []), ([1.0, 0.0], [7, 7]), ([0.0, 0.0], [1, 2])],
    ids=["no user", "one user", "users who do not differ"],
)
def test_the_interval_is_unbounded_where_users_do_not_differ_or_are_too_few(
    parts: list[float], users: list[int]
) -> None:
    logged = cluster_robust(np.array(parts), np.array(users, np.int64))
    assert logged == Interval(sum(parts) / max(1, len(parts)), -np.inf, np.inf)


def test_the_quantiles_are_those_of_the_tables() -> None:
    assert [student_quantile(0.95, n) for n in (5, 20, 120)] == pytest.approx([2.571, 2.086, 1.980], abs=4e-3)


def test_there_is_no_doubly_robust_estimate_by_whole_slates() -> None:
    tried = trial(log(1, "slate"), "best", "slate")
    with pytest.raises(ValueError, match="slate"):
        doubly_robust(tried, weigh(tried))
