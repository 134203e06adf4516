"""What the demo shows of a live system is what a replay of the same events gives on the same choices."""

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
APART = 0.025
"""How far HR@10 may be apart: live, weights and statistics come a little later, and under load in another order."""


def test_the_running_hit_rate_of_the_demo_agrees_with_a_replay(make_system) -> None:  # type: ignore[no-untyped-def]
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
    live, again = measures[OURS], measures[REPLAYED]
    assert live.events == again.events > 500
    assert live.hit_rate == pytest.approx(again.hit_rate, abs=APART)
    assert live.gain == pytest.approx(again.gain, abs=APART)
    assert min(live.hit_rate, again.hit_rate) > 0.1
