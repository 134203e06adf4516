"""A part adds what a backtest without it lacks; nothing else differs."""

from __future__ import annotations

import numpy as np
import pytest

from deploy.settings import Settings, TrainerSettings
from deploy.wiring import make_system_config
from streams.backtest.ablations import AGAIN, WHOLE, Ablated, ablate, additions, by_worth
from streams.backtest.baselines_process import NoBaselines
from streams.backtest.config import BacktestConfig, EventLog
from streams.backtest.process_pool import PoolProgress
from streams.backtest.run import BacktestRun, backtest
from tests.unit.streams.backtest_logs import generated

PLAN = BacktestConfig(resamples=50)


@pytest.fixture(scope="module")
def log() -> EventLog:
    return generated(300)


@pytest.fixture(scope="module")
def whole(log: EventLog) -> BacktestRun:
    return backtest(log, make_system_config(Settings()), PLAN)


def without(log: EventLog, *left_out: str) -> BacktestRun:
    return backtest(
        log, make_system_config(Settings()), BacktestConfig(resamples=50, without=left_out), baselines=NoBaselines()
    )


def test_without_anything_left_out_the_backtest_is_the_same(log: EventLog, whole: BacktestRun) -> None:
    assert np.array_equal(without(log).rows, whole.rows)


def test_a_source_without_candidates_adds_exactly_nothing(log: EventLog) -> None:
    """Without learned item factors, candidates and features of them are empty."""
    system = make_system_config(Settings(trainer=TrainerSettings(item_vectors=False)))
    left_out = BacktestConfig(resamples=50, without=("source:embeddings", "features:affinity"))
    rows = [backtest(log, system, plan, baselines=NoBaselines()).rows for plan in (PLAN, left_out)]
    assert np.array_equal(*rows)


def test_the_evaluated_choices_stay_the_same(log: EventLog, whole: BacktestRun) -> None:
    rows = without(log, "source:popular", "features:popularity", "features:near").rows
    for name in ("index", "user", "at", "user_events", "item_events", "basket"):
        assert np.array_equal(rows[name], whole.rows[name])
    assert not np.array_equal(rows["rank"], whole.rows["rank"])


@pytest.mark.slow
def test_a_process_for_each_part_changes_nothing(log: EventLog, whole: BacktestRun) -> None:
    reports: list[PoolProgress] = []
    ablated = ablate(
        log, make_system_config(Settings()), PLAN, ("source:popular", "features:near"), jobs=2, tell=reports.append
    )
    assert list(ablated) == [WHOLE, "source:popular", "features:near", AGAIN]
    assert all(np.array_equal(ablated[name].ranks, whole.rows["rank"]) for name in (WHOLE, AGAIN))
    for name in ("source:popular", "features:near"):
        assert np.array_equal(ablated[name].ranks, without(log, name).rows["rank"])
        assert ablated[name].ms_per_event > 0.0
    assert {step.name for step in reports if step.done == step.total} == set(ablated)


def test_additions_are_paired_and_the_largest_comes_first() -> None:
    ranks = {WHOLE: [1, 0, 3, 1], "source:a": [1, 0, 0, 1], "source:b": [0, 0, 0, 0], AGAIN: [1, 0, 3, 1]}
    times = {WHOLE: 3.25, AGAIN: 2.75, "source:a": 2.5, "source:b": 1.0}
    ablated = {name: Ablated(ranks=np.array(ranks[name], np.int16), ms_per_event=times[name]) for name in ranks}
    added = additions(ablated, np.array([0, 0, 1, 1], np.int32), PLAN)
    assert added is not None
    assert added.whole_ms == (3.25, 2.75)
    assert [(name, part.hit_rate.value, part.ms_per_event) for name, part in by_worth(added)] == [
        ("source:b", 0.75, 2.0),
        ("source:a", 0.25, 0.5),
    ]
    part = added.parts["source:a"]
    assert part.gain.value == pytest.approx(0.5 / 4)
    assert part.hit_rate.low <= 0.25 <= part.hit_rate.high
    assert additions({}, np.zeros(0, np.int32), PLAN) is None
