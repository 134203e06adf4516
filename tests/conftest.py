"""Real servers for tests: each is started when a test first asks for it, once a session, and stopped at its end.

A server that the environment names (``LIFELONG_REDIS__URL=…``) is used instead of one of our own.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from deploy.embedded.kernels import begin_compiling
from deploy.embedded.processes import processes_of
from deploy.embedded.stack import ALL_SERVERS, Stack
from deploy.settings import KafkaSettings, MilvusSettings, RedisSettings, Settings, TritonSettings, load_settings
from tests.e2e.system import System

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

LENGTHY = (
    "test_backtest_report.py",
    "test_baselines.py",
    "test_evaluating_policies.py",
    "test_arm_results.py::test_a_difference_of_nothing_is_hardly_ever_found_however_often_one_looks",
    "test_in_memory_runner.py::test_crashes_at_any_point_change_nothing",
    "test_exploration.py",
    "test_off_policy.py",
    "test_confidence_sequence.py",
    "test_trainer.py::test_weights_say_up_to_which_offset_they_were_learned",
    "test_backtest_no_look_ahead.py",
    "test_experiment_log.py",
    "test_backtest_ablations.py",
    "test_evaluation.py::test_intervals_over_events_would_not",
    "test_command_line.py::test_a_server_that_is_not_there",
    "test_command_line.py::test_a_file_that",
    "test_guards.py",
    "test_mcp.py::test_the_command_serves",
    "test_mcp.py::test_over_http",
)
"""Unit tests that take more than two seconds: simulations and replays, most of the time of all unit tests."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is lengthy, so that `make check` stays under two minutes."""
    for item in items:
        if any(f"/{name}" in item.nodeid for name in LENGTHY):
            item.add_marker(pytest.mark.lengthy)


def unheard(name: str, what: str) -> None:
    """A report that nobody reads."""


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack of this session; nothing of it runs before a server is asked for."""
    data_dir = tmp_path_factory.mktemp("stack")
    settings = load_settings(with_endpoints=False)
    # Where the kernel refuses network namespaces, as in many containers, tests accept what users must accept first.
    accepting = settings.embedded.model_copy(update={"milvus_exposed": True})
    stack = Stack(settings.model_copy(update={"data_dir": data_dir, "embedded": accepting}))
    yield stack
    stack.down()
    left = processes_of(data_dir)
    shutil.rmtree(data_dir)
    assert left == []


@pytest.fixture(scope="session")
def kafka_server(embedded: Stack) -> KafkaSettings:
    """A real broker, and how to reach it."""
    embedded.up(unheard, names=frozenset({"kafka"}))
    return embedded.settings().kafka


@pytest.fixture(scope="session")
def redis_server(embedded: Stack) -> RedisSettings:
    """A real Redis, and how to reach it."""
    embedded.up(unheard, names=frozenset({"redis"}))
    return embedded.settings().redis


@pytest.fixture(scope="session")
def milvus_server(embedded: Stack) -> MilvusSettings:
    """A real Milvus, and how to reach it."""
    embedded.up(unheard, names=frozenset({"milvus"}))
    return embedded.settings().milvus


@pytest.fixture(scope="session")
def triton_server(embedded: Stack) -> TritonSettings:
    """A real Triton with the ranker loaded, and how to reach it."""
    embedded.up(unheard, names=frozenset({"triton"}))
    return embedded.settings().triton


@pytest.fixture(scope="session")
def stack(embedded: Stack) -> Settings:
    """All four servers side by side: the settings of an application that uses them."""
    with begin_compiling(embedded.layout.cache_dir, os.environ):
        embedded.up(unheard, names=ALL_SERVERS)
    return embedded.settings()


@pytest.fixture
def make_system(stack: Settings, tmp_path: Path) -> Iterator[Callable[..., System]]:
    """Makes systems on the servers of the session and closes them after the test; a failed one reports their logs."""
    made: list[System] = []

    def make(**more: Any) -> System:
        made.append(System(stack, tmp_path, **more))
        return made[-1]

    yield make
    for system in made:
        system.close()
    if made:
        sys.stdout.write(made[-1].newest_logs())


@pytest.fixture
def system(make_system: Callable[..., System]) -> System:
    """One system with the usual settings."""
    return make_system()
