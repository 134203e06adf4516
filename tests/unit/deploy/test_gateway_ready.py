"""Readiness needs Kafka and the state store, however they fail, and never delays a request."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event, Thread
from typing import Any

import pytest
from litestar.testing import TestClient

from deploy.embedded.layout import DataLayout
from deploy.embedded.restarts import watched
from deploy.gateway.app import create_app
from deploy.gateway.serving.probe import UNKNOWN, Probe
from deploy.monitoring.telemetry import RestartCounters
from schemas.ids import DEFAULT_USER
from tests.unit.deploy.gateway_fixtures import build, eventually, running
from tests.unit.deploy.test_stack_watched import BEGAN, ended


class Server:
    """A check that passes, fails or hangs, as the test sets it."""

    def __init__(self) -> None:
        self.problem = ""
        self.checks = 0
        self.free = Event()
        self.free.set()

    def __call__(self) -> str:
        self.checks += 1
        self.free.wait()
        return self.problem


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def servers(clock: Clock) -> Iterator[tuple[Probe, Server, Server]]:
    kafka, store = Server(), Server()
    probe = Probe({"kafka": kafka, "state-store": store}, clock=clock, every=0.001)
    yield probe, kafka, store
    kafka.free.set()
    store.free.set()
    probe.close()


def checked_again(server: Server) -> None:
    before = server.checks
    eventually(lambda: server.checks > before + 1)


def test_readiness_names_a_server_that_refuses(servers: tuple[Probe, Server, Server]) -> None:
    probe, _, store = servers
    gateway = build(probe=probe)
    gateway.publish(DEFAULT_USER, 1)
    with running(gateway):
        eventually(lambda: gateway.client.get("/health/ready").status_code == 200)
        store.problem = "Redis does not answer"
        checked_again(store)
        response = gateway.client.get("/health/ready")
        assert response.status_code == 503
        assert response.json() == {"status": "unavailable", "reasons": {"state-store": "Redis does not answer"}}
        store.problem = ""
        checked_again(store)
        assert gateway.client.get("/health/ready").json() == {"status": "ready"}


def test_a_hanging_server_counts_as_away_after_a_second_and_delays_no_other(
    servers: tuple[Probe, Server, Server], clock: Clock
) -> None:
    probe, kafka, store = servers
    assert probe.problems() == {"kafka": UNKNOWN, "state-store": UNKNOWN}
    probe.start()
    eventually(lambda: not probe.problems())
    kafka.free.clear()
    before = kafka.checks
    eventually(lambda: kafka.checks > before)
    clock.now += 0.9
    assert "kafka" not in probe.problems()
    clock.now += 0.2
    checked_again(store)
    assert probe.problems() == {"kafka": "no answer for 1.1 s"}
    kafka.free.set()
    checked_again(kafka)
    eventually(lambda: not probe.problems())


def test_a_request_waits_for_no_server(servers: tuple[Probe, Server, Server]) -> None:
    probe, kafka, _ = servers
    kafka.free.clear()
    statuses: list[Any] = []
    with TestClient(create_app(build(probe=probe).context)) as client:
        reader = Thread(target=lambda: statuses.append(client.get("/health/ready").status_code))
        reader.start()
        reader.join(10)
        kafka.free.set()
    assert statuses == [503]


def test_readiness_and_the_metric_report_restarts(tmp_path: Any) -> None:
    layout = DataLayout.of(tmp_path, tmp_path)
    restarts = watched(tmp_path)
    assert restarts() == {}
    layout.logs.mkdir()
    spawned = "2026-01-01 10:00:01,000 INFO spawned: '{}' with pid 9"
    lines = [BEGAN, spawned.format("worker"), spawned.format("kafka"), ended("worker"), ended("worker")]
    layout.log("supervisor").write_text("\n".join(lines) + "\n")
    counters = RestartCounters()
    counters.read = restarts
    [family] = counters.collect()
    assert {sample.labels["process"]: sample.value for sample in family.samples} == {"worker": 2.0, "kafka": 0.0}
    with running(build(restarts=restarts)) as gateway:
        assert gateway.client.get("/health/ready").json() == {"status": "ready", "restarts": {"worker": 2}}
