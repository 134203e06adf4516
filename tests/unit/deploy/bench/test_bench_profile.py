"""Profiles: sampled stacks counted by our modules, and a real process sampled by py-spy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.bench.errors import CannotMeasure
from deploy.bench.profile.sampling import SamplingProfiler, chosen
from deploy.bench.profile.stacks import profile_of
from deploy.bench.profile.traceable import permit_sampling

STACKS = [
    "main (deploy/cli/app.py:1);rank (inference/recommender.py:5);dot (numpy/core.py:9) 6",
    "main (deploy/cli/app.py:1);rank (inference/recommender.py:5) 2",
    "main (deploy/cli/app.py:1);fold (features/user_state.py:7);fold (features/user_state.py:7) 1",
    "poll (confluent_kafka/x.py:3) 1",
]


def test_a_librarys_time_belongs_to_the_module_that_calls_it() -> None:
    shares = {share.name: share.share for share in profile_of(STACKS).modules}
    assert shares == {"inference/recommender": 0.8, "features/user_state": 0.1, "others": 0.1}


def test_own_time_is_of_the_function_that_ran_and_cumulative_time_of_each_caller_of_ours_once() -> None:
    profile = profile_of(STACKS)
    assert profile.samples == 10
    assert profile.own[0].name == "numpy/core.py:dot"
    cumulative = {share.name: share.share for share in profile.cumulative}
    assert cumulative == {
        "inference/recommender.py:rank": 0.8,
        "features/user_state.py:fold": 0.1,
    }


def test_a_process_that_did_nothing_has_no_samples() -> None:
    assert profile_of([]).samples == 0


def test_nothing_to_profile_is_said() -> None:
    with pytest.raises(CannotMeasure, match="nothing to profile"):
        chosen({"kafka": 1})


def test_permission_to_sample_is_asked_of_the_kernel() -> None:
    assert permit_sampling() in (True, False)


BUSY = """
import time
def busy():
    while time.process_time() < 1.5:
        sum(range(1_000))
busy()
"""


def test_a_running_process_is_sampled(tmp_path: Path) -> None:
    process = subprocess.Popen((sys.executable, "-c", BUSY))
    profiler = SamplingProfiler({"busy": process.pid}, tmp_path)
    assert process.wait(60) == 0
    profile = profiler.stop()["busy"]
    assert profile.samples > 20
    assert any(share.name.endswith(":busy") for share in profile.own)


def test_a_process_that_is_not_there_is_named(tmp_path: Path) -> None:
    ended = subprocess.Popen((sys.executable, "-c", ""))
    ended.wait(30)
    profiler = SamplingProfiler({"worker": ended.pid}, tmp_path)
    with pytest.raises(CannotMeasure, match="worker cannot be sampled"):
        profiler.stop()
