"""Simulated users live with the real loop: what is lived is learned from, counted and repeatable."""

from __future__ import annotations

import pytest

from deploy.settings import Settings
from deploy.wiring import make_system_config
from schemas.event_kinds import is_choice
from streams.simulation.results import SimulationResults, simulation_results
from streams.simulation.run import SimulationPlan, SimulationRun, simulate
from tests.unit.streams.backtest_logs import generated

PLAN = SimulationPlan(users=4, days=4.0, fit=0.6, resamples=20)
SYSTEM = make_system_config(Settings())


@pytest.fixture(scope="module")
def run() -> SimulationRun:
    return simulate(generated(150), SYSTEM, PLAN)


@pytest.fixture(scope="module")
def results(run: SimulationRun) -> SimulationResults:
    return simulation_results(run, PLAN)


def test_every_result_says_that_it_is_simulated_and_counts_what_was_lived(
    run: SimulationRun, results: SimulationResults
) -> None:
    assert (results.simulated, results.fitted, results.users) == (True, True, 4)
    assert results.lists == len(run.lived.lists) > 5
    assert results.choices == sum(seen.chosen for seen in run.lived.lists) == sum(run.lived.sessions) > 0
    assert {seen.changed for seen in run.lived.lists} == {True, False}
    assert results.loop_ms_per_list > 0.0


def test_fidelity_is_measured_on_the_part_that_nothing_was_fitted_to(
    run: SimulationRun, results: SimulationResults
) -> None:
    assert results.fidelity is not None
    assert run.after.choices + run.before.choices == sum(is_choice(event) for _, event in generated(150).events)
    assert results.fidelity.pairs == len(run.after.pairs)
    assert 0.0 <= results.fidelity.accept_reject.low <= results.fidelity.accept_reject.value <= 1.0
    assert 0.0 <= results.fidelity.session_length.distance <= 1.0


def test_the_same_seed_gives_the_same_lives(run: SimulationRun) -> None:
    again = simulate(generated(150), SYSTEM, PLAN)
    assert [seen.items for seen in again.lived.lists] == [seen.items for seen in run.lived.lists]
    assert again.lived.popularity == run.lived.popularity


def test_what_is_held_out_changes_no_life(run: SimulationRun) -> None:
    log = generated(150)
    cut = type(log)(name=log.name, rows=90, events=log.events[:90], items=log.items)
    alone = simulate(cut, SYSTEM, SimulationPlan(users=4, days=4.0, fit=1.0))
    assert [seen.items for seen in alone.lived.lists] == [seen.items for seen in run.lived.lists]
    assert simulation_results(alone, PLAN).fidelity is None
