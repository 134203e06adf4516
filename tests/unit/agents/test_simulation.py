"""Simulated users: fitted to choices, they prefer what real people prefer, tire, and share no code with the planner."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from agents.simulation.catalogue import SimulatedCatalogue
from agents.simulation.fidelity import judge
from agents.simulation.fitting import fit, fit_manner
from agents.simulation.history import CONFORMITY, History
from agents.simulation.persona import Manner, Persona
from agents.simulation.user import SimulatedUser
from features.decay import DAY
from schemas.ids import EventId, ItemId, UserId
from schemas.interactions import Click

ROOT = Path(__file__).parents[3] / "agents" / "simulation"
NAMES = ("jazz", "folk", "rock", "soul")


def a_catalogue() -> SimulatedCatalogue:
    return SimulatedCatalogue({ItemId(f"{name}-{number}"): (name,) for name in NAMES for number in range(30)})


def chosen_by_taste(catalogue: SimulatedCatalogue, loyal: float, people: int = 40, each: int = 15) -> History:
    """Choices of people of one taste each, who follow it this often."""
    rng = np.random.default_rng(1)
    history = History(catalogue, rng)
    for number in range(each):
        for person in range(people):
            name = NAMES[person % 4] if rng.random() < loyal else NAMES[int(rng.integers(4))]
            item = f"{name}-{int(30 * rng.random() ** 2)}"
            at = 1e9 + number * DAY / 4 + person
            history.observe(
                Click(event_id=EventId("e"), user_id=UserId(f"u{person}"), event_time=at, item_id=ItemId(item))
            )
    return history


def test_the_simulation_shares_no_code_with_the_rest_of_the_agents() -> None:
    imported = {
        node.module
        for path in ROOT.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module
    }
    own = {name for name in imported if name.startswith("agents.")}
    assert {name for name in own if not name.startswith("agents.simulation")} == set()


def test_people_who_follow_their_taste_are_told_from_chance_and_others_are_not() -> None:
    catalogue = a_catalogue()
    loyal = chosen_by_taste(catalogue, loyal=0.9)
    half = len(loyal.pairs) // 2
    early, late = loyal.pairs[:half], loyal.pairs[half:]
    loyal.pairs = early
    judged = judge(late, fit_manner(loyal), CONFORMITY)
    assert judged.right.mean() > 0.7
    assert judged.popular.mean() == pytest.approx(0.5, abs=0.1)
    fickle = chosen_by_taste(a_catalogue(), loyal=0.0)
    assert judge(fickle.pairs, fit_manner(fickle), CONFORMITY).preferred.mean() == pytest.approx(0.5, abs=0.1)


def test_the_population_has_the_habits_of_the_people() -> None:
    catalogue = a_catalogue()
    population = fit(chosen_by_taste(catalogue, loyal=1.0), catalogue)
    assert set(population.habits.choices) == {1}
    assert set(population.habits.gaps) == {DAY / 4}
    assert len(population.tastes) == 40
    assert population.manner.match > 0.5


def a_user(catalogue: SimulatedCatalogue, **manner: float) -> SimulatedUser:
    taste = np.array([0.97, 0.01, 0.01, 0.01])
    assumed = {"threshold": 0.0, "position_bias": 0.0, "conformity": 0.0, **manner}
    chosen = Manner(**assumed)  # type: ignore[arg-type]
    return SimulatedUser(Persona(taste, taste[::-1]), chosen, catalogue, np.random.default_rng(2))


def test_a_user_takes_what_fits_until_enough_is_taken() -> None:
    catalogue = a_catalogue()
    user = a_user(catalogue, match=10.0)
    user.arrive(wants=3)
    reading = user.read([40, 0, 70, 1, 2, 3], at=0.0)
    assert reading.chosen == (0, 1, 2)
    assert not user.stays


def test_a_change_of_taste_changes_what_is_taken() -> None:
    user = a_user(a_catalogue(), match=10.0)
    user.change()
    user.arrive(wants=3)
    assert user.read([0, 100, 1], at=0.0).chosen == (100,)


def test_out_of_patience_a_user_leaves() -> None:
    user = a_user(a_catalogue(), threshold=50.0)
    user.arrive(wants=3)
    lists = 0
    while user.stays:
        user.read([0, 1, 2], at=0.0)
        lists += 1
    assert lists == Manner().patience


def test_satiation_grows_with_every_choice_and_fades_in_days_and_every_list_tires() -> None:
    user = a_user(a_catalogue(), match=10.0, satiation=1.0, fatigue=0.5)
    user.arrive(wants=9)
    fresh = user.log_odds(5, 0.0)
    user.read([0, 1], at=0.0)
    assert user.log_odds(5, 0.0) == pytest.approx(fresh - 2.0 - 0.5)
    assert user.log_odds(5, DAY) == pytest.approx(fresh - 1.0 - 0.5)


def test_lower_places_are_looked_at_less() -> None:
    user, looked_at = a_user(a_catalogue(), threshold=50.0, position_bias=1.0), np.zeros(4)
    user.arrive(wants=1)
    for _ in range(400):
        for item in user.read([0, 1, 2, 3], at=0.0).looked_at:
            looked_at[item] += 1
    assert looked_at[0] == 400
    assert looked_at[3] == pytest.approx(100, rel=0.3)
