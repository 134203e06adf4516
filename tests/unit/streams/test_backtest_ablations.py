"""What a part adds is what a replay without it lacks, and nothing else differs."""

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


def test_without_anything_left_out_it_is_the_same_replay(log: EventLog, whole: BacktestRun) -> None:
    assert np.array_equal(without(log).rows, whole.rows)


def test_a_source_that_says_nothing_adds_exactly_nothing(log: EventLog) -> None:
    """Where no item factors are learned, what is made of them says nothing."""
    settings = Settings(trainer=TrainerSettings(item_vectors=False))
    left_out = BacktestConfig(resamples=50, without=("source:embeddings", "features:affinity"))
    rows = [backtest(log, settings, plan, baselines=NoBaselines()).rows for plan in (PLAN, left_out)]
    assert np.array_equal(*rows)


def test_the_choices_that_are_judged_stay_the_same(log: EventLog, whole: BacktestRun) -> None:
    rows = without(log, "source:popular", "features:popularity", "features:near").rows
    for name in ("index", "user", "at", "user_events", "item_events", "basket"):
        assert np.array_equal(rows[name], whole.rows[name])
    assert not np.array_equal(rows["rank"], whole.rows["rank"])


@pytest.mark.slow
def test_processes_of_their_own_change_nothing(log: EventLog, whole: BacktestRun) -> None:
    heard: list[PoolProgress] = []
    found = ablate(log, Settings(), PLAN, ("source:popular", "features:near"), jobs=2, tell=heard.append)
    assert list(found) == [WHOLE, "source:popular", "features:near", AGAIN]
    assert all(np.array_equal(found[name].ranks, whole.rows["rank"]) for name in (WHOLE, AGAIN))
    for name in ("source:popular", "features:near"):
        assert np.array_equal(found[name].ranks, without(log, name).rows["rank"])
        assert found[name].ms_per_event > 0.0
    assert {step.name for step in heard if step.done == step.total} == set(found)


def test_additions_are_paired_and_the_largest_comes_first() -> None:
    ranks = {WHOLE: [1, 0, 3, 1], "source:a": [1, 0, 0, 1], "source:b": [0, 0, 0, 0], AGAIN: [1, 0, 3, 1]}
    times = {WHOLE: 3.25, AGAIN: 2.75, "source:a": 2.5, "source:b": 1.0}
    made = {name: Ablated(ranks=np.array(ranks[name], np.int16), ms_per_event=times[name]) for name in ranks}
    found = additions(made, np.array([0, 0, 1, 1], np.int32), PLAN)
    assert found is not None
    assert found.whole_ms == (3.25, 2.75)
    assert [(name, one.hit_rate.value, one.ms_per_event) for name, one in by_worth(found)] == [
        ("source:b", 0.75, 2.0),
        ("source:a", 0.25, 0.5),
    ]
    one = found.parts["source:a"]
    assert one.gain.value == pytest.approx(0.5 / 4)
    assert one.hit_rate.low <= 0.25 <= one.hit_rate.high
    assert additions({}, np.zeros(0, np.int32), PLAN) is None
