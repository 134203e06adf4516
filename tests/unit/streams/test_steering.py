"""Users say something of a category in a replayed log: what is measured, and that lists follow it."""

from __future__ import annotations

import numpy as np
import pytest

from deploy.settings import Settings
from deploy.wiring import make_system_config
from schemas.ids import ItemId, UserId
from streams.backtest.evaluator import EvaluatedList
from streams.steering.measures import SteeringMeter
from streams.steering.results import SteeringResult, steering_results
from streams.steering.run import NothingSaid, SteeringPlan, SteeringRun, run_steerings
from tests.unit.streams.backtest_logs import generated

PLAN = SteeringPlan(begin=0.6, resamples=50)


@pytest.fixture(scope="module")
def run() -> SteeringRun:
    return run_steerings(generated(), make_system_config(Settings()), PLAN, jobs=2)


@pytest.fixture(scope="module")
def results(run: SteeringRun) -> dict[str, SteeringResult]:
    return {result.name: result for result in steering_results(run, PLAN)}


def test_a_refused_category_is_in_no_later_list(results: dict[str, SteeringResult]) -> None:
    refused = results["no …"]
    assert refused.lists > 50
    assert refused.unsteered[0] is not None
    assert refused.unsteered[0] > 0.2
    assert (refused.violations, refused.shares[0], refused.holds) == (0, 0.0, True)


def test_less_of_a_category_is_less_from_the_list_that_answers_on(results: dict[str, SteeringResult]) -> None:
    less = results["less …"]
    assert less.kept < 0.7
    assert less.shares[0] is not None
    assert less.unsteered[0] is not None
    assert less.shares[0] < less.unsteered[0]


def test_every_arm_makes_lists_for_the_same_users_at_the_same_events(run: SteeringRun) -> None:
    for steered in run.steerings.values():
        np.testing.assert_array_equal(steered.user, run.control.user)
        np.testing.assert_array_equal(steered.position, run.control.position)
        np.testing.assert_array_equal(steered.index, run.control.index)


def test_nothing_is_said_where_no_list_has_categories() -> None:
    log = generated(200)
    with pytest.raises(NothingSaid):
        run_steerings(
            type(log)(name=log.name, rows=log.rows, events=log.events, items=[]),
            make_system_config(Settings()),
            PLAN,
            jobs=1,
        )


def test_lists_and_choices_count_from_the_statement_on() -> None:
    meter = SteeringMeter({UserId("ann"): "War"}, lambda item: ("war",) if item.startswith("w") else ("folk",))
    choice = EvaluatedList(index=7, user=UserId("ann"), item=ItemId("w1"), shown=(ItemId("w1"),))
    meter.evaluated(choice)
    meter.made(UserId("ann"), [ItemId("w1"), ItemId("f1")])
    meter.evaluated(choice)
    meter.made(UserId("ann"), [])
    steered = meter.steered()
    assert (steered.share.tolist(), steered.position.tolist()) == ([0.5, 0.0], [1, 2])
    assert (steered.hits.tolist(), steered.index.tolist()) == ([True], [7])
