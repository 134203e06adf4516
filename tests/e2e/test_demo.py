"""The demo's hit rate of a live system agrees with a backtest of the same events on the same choices."""

from __future__ import annotations

import time

import pytest

from deploy.demo.live_versus_backtest import REPLAYED
from deploy.demo.movielens import movielens
from deploy.demo.session import DemoPlan, DemoSession
from deploy.demo.watch import OURS
from deploy.embedded.environment import user_cache_dir
from tests.e2e.system import System

pytestmark = [pytest.mark.servers, pytest.mark.slow]
TOLERANCE = 0.025
"""The tolerance of HR@10: live weights and statistics are a little later, and under load in another order."""


def test_the_running_hit_rate_of_the_demo_agrees_with_a_backtest(make_system) -> None:  # type: ignore[no-untyped-def]
    system: System = make_system(trainer={"metrics_port": 0})
    system.start()
    system.start("trainer")
    plan = DemoPlan(data=movielens(user_cache_dir()), columns="", rate=75.0, seconds=80.0)
    session = DemoSession(system.settings, plan)
    session.begin()
    while session.goes_on():
        time.sleep(0.5)
    session.end()
    session.replay(lambda done: None)
    measures = session.summary(seconds=0.0, up_seconds=0.0).measures
    live, backtested = measures[OURS], measures[REPLAYED]
    assert live.events == backtested.events > 500
    assert live.hit_rate == pytest.approx(backtested.hit_rate, abs=TOLERANCE)
    assert live.gain == pytest.approx(backtested.gain, abs=TOLERANCE)
    assert min(live.hit_rate, backtested.hit_rate) > 0.1
