"""The baselines on the rows that ours was judged on, in processes of their own."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from deploy.settings import Settings
from deploy.wiring import make_system_config
from inference.evaluation.baselines import FULL
from inference.evaluation.baselines.evaluator import BASELINES, ChoiceRow
from streams.backtest.baseline_runner import (
    PackagesMissing,
    UnknownBaseline,
    check_packages,
    named,
    run_baseline,
    run_baselines,
    setting,
)
from streams.backtest.baselines_process import BaselinesInProcess, RecordedRows
from streams.backtest.config import BacktestConfig
from streams.backtest.process_pool import PoolProgress, WorkDied, in_processes
from streams.backtest.results import OURS, TOPIC, Comparisons, backtest_results
from streams.backtest.run import backtest
from tests.unit.inference.test_evaluation import stream
from tests.unit.streams.backtest_logs import generated


@pytest.fixture(scope="module")
def rows() -> list[ChoiceRow]:
    return stream(600)


def test_processes_of_their_own_change_nothing(rows: list[ChoiceRow]) -> None:
    heard: list[PoolProgress] = []
    names = ("V-SKNN", "EASE")
    found = run_baselines(rows, names, jobs=2, tell=heard.append)
    assert tuple(found) == names
    for name, one in found.items():
        here = run_baseline(rows, name, lambda step: None)
        assert np.array_equal(one.results.ranks, here.results.ranks)
        assert (one.trials, one.chosen) == (here.trials, here.chosen)
        assert one.results.baskets == here.results.baskets
        assert len(one.results.ranks) == sum(row.evaluated for row in rows)
        last = [step for step in heard if step.name == name][-1]
        assert (last.done, last.total) == (len(rows), len(rows))


def test_a_process_that_died_is_told_of() -> None:
    with pytest.raises(WorkDied, match="'nobody' ended with exit code 1"):
        in_processes(("nobody",), partial(run_baseline, []), jobs=1)


def test_every_baseline_is_compared_with_ours_on_the_same_choices() -> None:
    log, plan, baselines = generated(300), BacktestConfig(resamples=50), RecordedRows(BaselinesInProcess())
    played = backtest(log, make_system_config(Settings()), plan, baselines=baselines)
    baseline_runs = {name: run_baseline(baselines.rows, name, lambda step: None) for name in ("V-SKNN", "TIFUKNN")}
    found = backtest_results(log, plan, played, Comparisons(baseline_runs))
    assert tuple(found.systems) == (OURS, TOPIC, *BASELINES, *baseline_runs)
    assert {one.events for one in found.systems.values()} == {found.evaluated}
    for name, one in baseline_runs.items():
        lift = found.systems[OURS].hit_rate - found.systems[name].hit_rate
        assert found.differences[name]["hit_rate"].value == pytest.approx(lift)
        assert found.shown[name] == one.results.shown[name]
        assert found.next_basket.recall[name] == pytest.approx(np.mean(list(one.results.baskets[name].values())))
        assert found.baselines[name].trials == one.trials
        assert found.baselines[name].chosen in one.trials


def test_the_option_takes_floors_full_or_names() -> None:
    assert named("floors") == ()
    assert named("full") == tuple(FULL)
    assert named("implicit als,EASE,ease") == ("implicit ALS", "EASE")
    with pytest.raises(UnknownBaseline, match="'SVD' is none of floors, full, EASE, implicit ALS"):
        named("EASE,SVD")


def test_missing_packages_are_named_with_the_extra_that_brings_them() -> None:
    check_packages(FULL, is_there=lambda package: True)
    check_packages(("EASE", "V-SKNN"), is_there=lambda package: False)
    with pytest.raises(PackagesMissing, match=r"^implicit, scipy is not installed: .*'lifelong\[baselines\]'"):
        check_packages(FULL, is_there=lambda package: package == "torch")
    with pytest.raises(PackagesMissing, match=r"\[baselines,torch\]"):
        check_packages(FULL, is_there=lambda package: False)


def test_settings_are_told_in_words() -> None:
    assert setting({"neighbours": 500, "whole": True}) == "neighbours 500, whole yes"
