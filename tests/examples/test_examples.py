"""Every example runs, and does what it says; those that need no servers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from examples.backtest_own_log import write_log
from examples.own_candidate_source import propose
from inference.query import Query
from inference.ranking_context import make_ranking_context
from tests.unit.inference.ranking_fixtures import busy_world

ROOT = Path(__file__).parents[2]
EVENTS = 120
MAPPING = ("--map", "user=reader,item=book,time=when,type=action")


def run(*arguments: str) -> str:
    """An example's standard output; a test fails with its errors."""
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.lengthy
def test_a_log_of_ones_own_is_backtested_beside_baselines(tmp_path: Path) -> None:
    lines = run("-m", "examples.backtest_own_log", "--folder", str(tmp_path), "--events", str(EVENTS)).splitlines()
    measured = {system: float(rate) for rate, system in (line.split("  ", 1) for line in lines)}
    assert {"Lifelong", "popularity", "item-kNN"} <= measured.keys()
    assert all(0.0 <= rate <= 1.0 for rate in measured.values())


def test_a_registered_feature_is_a_column_of_the_ranker_and_a_field_of_its_view() -> None:
    program = """
from examples import own_feature
own_feature.register()
from features.views import VIEWS
from inference.ranking.features import FeatureTable
print("user_night_share" in FeatureTable().columns, "night_share" in VIEWS[0].fields)
"""
    assert run("-c", program).split() == ["True", "True"]


def test_a_registered_source_is_one_that_the_ranker_describes() -> None:
    program = """
from examples import own_candidate_source
own_candidate_source.register()
from inference.ranking.features import FeatureTable
print(FeatureTable().sources[-1].name)
"""
    assert run("-c", program).strip() == "new-in-category"


def test_the_source_proposes_the_newest_unblocked_items_of_the_categories_chosen_last() -> None:
    world = busy_world()
    asking = make_ranking_context(Query(user=world.state("u1"), now=world.now), world.table, repeats=True)
    asking.blocked[::5] = True
    found = propose(asking, world.table, 5)
    last = {kind for number in asking.recent[:5] for kind in world.table.categories(world.table.ids[number])}
    assert 0 < len(found) <= 5
    assert not asking.blocked[found].any()
    assert (np.diff(world.table.first_at[found]) <= 0).all()
    assert all(last & set(world.table.categories(world.table.ids[number])) for number in found)


@pytest.mark.lengthy
def test_a_backtest_runs_with_the_registered_feature(tmp_path: Path) -> None:
    write_log(tmp_path / "log.csv", EVENTS)
    found = run("-m", "examples.own_feature", "backtest", str(tmp_path / "log.csv"), *MAPPING)
    assert "Lifelong" in found


@pytest.mark.slow
def test_an_ablation_measures_the_registered_source(tmp_path: Path) -> None:
    write_log(tmp_path / "log.csv", EVENTS)
    command = ["backtest", str(tmp_path / "log.csv"), *MAPPING, "--ablate", "new-in-category"]
    assert "new-in-category" in run("-m", "examples.own_candidate_source", *command)
