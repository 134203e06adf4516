"""Tuned baselines on the evaluated rows of the backtest, in processes of their own."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from deploy.settings import Settings
from deploy.wiring import make_system_config
from inference.evaluation.baselines import FULL
from inference.evaluation.baselines.evaluator import BASELINES, ChoiceRow
from schemas.errors import PackagesMissing
from streams.backtest.baseline_runner import (
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


def test_a_process_for_each_baseline_changes_nothing(rows: list[ChoiceRow]) -> None:
    reports: list[PoolProgress] = []
    names = ("V-SKNN", "EASE")
    runs = run_baselines(rows, names, jobs=2, tell=reports.append)
    assert tuple(runs) == names
    for name, baseline in runs.items():
        here = run_baseline(rows, name, lambda step: None)
        assert np.array_equal(baseline.results.ranks, here.results.ranks)
        assert (baseline.trials, baseline.chosen) == (here.trials, here.chosen)
        assert baseline.results.baskets == here.results.baskets
        assert len(baseline.results.ranks) == sum(row.evaluated for row in rows)
        last = [step for step in reports if step.name == name][-1]
        assert (last.done, last.total) == (len(rows), len(rows))


def test_a_process_that_died_raises_an_error() -> None:
    with pytest.raises(WorkDied, match="'nobody' ended with exit code 1"):
        in_processes(("nobody",), partial(run_baseline, []), jobs=1)


def test_every_baseline_is_compared_with_lifelong_on_the_same_choices() -> None:
    log, plan, baselines = generated(300), BacktestConfig(resamples=50), RecordedRows(BaselinesInProcess())
    run = backtest(log, make_system_config(Settings()), plan, baselines=baselines)
    baseline_runs = {name: run_baseline(baselines.rows, name, lambda step: None) for name in ("V-SKNN", "TIFUKNN")}
    results = backtest_results(log, plan, run, Comparisons(baseline_runs))
    assert tuple(results.systems) == (OURS, TOPIC, *BASELINES, *baseline_runs)
    assert {metrics.events for metrics in results.systems.values()} == {results.evaluated}
    for name, baseline in baseline_runs.items():
        lift = results.systems[OURS].hit_rate - results.systems[name].hit_rate
        assert results.differences[name]["hit_rate"].value == pytest.approx(lift)
        assert results.shown[name] == baseline.results.shown[name]
        assert results.next_basket.recall[name] == pytest.approx(np.mean(list(baseline.results.baskets[name].values())))
        assert results.baselines[name].trials == baseline.trials
        assert results.baselines[name].chosen in baseline.trials


def test_the_option_takes_floors_full_or_names() -> None:
    assert named("floors") == ()
    assert named("full") == tuple(FULL)
    assert named("implicit als,EASE,ease") == ("implicit ALS", "EASE")
    with pytest.raises(UnknownBaseline, match="'SVD' is none of floors, full, EASE, implicit ALS"):
        named("EASE,SVD")


def test_missing_packages_are_named_with_the_extra_that_brings_them() -> None:
    check_packages(FULL, is_installed=lambda package: True)
    check_packages(("EASE", "V-SKNN"), is_installed=lambda package: False)
    with pytest.raises(PackagesMissing, match=r"^implicit, scipy is not installed: .*'lifelong\[baselines\]'"):
        check_packages(FULL, is_installed=lambda package: package == "torch")
    with pytest.raises(PackagesMissing, match=r"\[baselines,torch\]"):
        check_packages(FULL, is_installed=lambda package: False)


def test_settings_are_shown_as_text() -> None:
    assert setting({"neighbours": 500, "whole": True}) == "neighbours 500, whole yes"
