"""Readiness: not without Kafka and the state store, whichever way they are away, and never at a request's cost."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event, Thread
from typing import Any

import pytest
from litestar.testing import TestClient

from deploy.embedded.layout import DataLayout
from deploy.embedded.restarts import watched
from deploy.gateway.app import create_app
from deploy.gateway.probe import UNKNOWN, Probe
from deploy.monitoring.telemetry import RestartCounters
from schemas.ids import DEFAULT_USER
from tests.unit.deploy.gateway_fixtures import build, eventually, running
from tests.unit.deploy.test_stack_watched import BEGAN, ended


class Server:
    """Answers, refuses or hangs, as it is told."""

    def __init__(self) -> None:
        self.says = ""
        self.asked = 0
        self.free = Event()
        self.free.set()

    def __call__(self) -> str:
        self.asked += 1
        self.free.wait()
        return self.says


class Clock:
    """Seconds that pass when they are told to."""

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


def asked_again(server: Server) -> None:
    before = server.asked
    eventually(lambda: server.asked > before + 1)


def test_it_is_not_ready_while_a_server_refuses_and_says_which(servers: tuple[Probe, Server, Server]) -> None:
    probe, _, store = servers
    world = build(probe=probe)
    world.publish(DEFAULT_USER, 1)
    with running(world):
        eventually(lambda: world.client.get("/health/ready").status_code == 200)
        store.says = "Redis does not answer"
        asked_again(store)
        told = world.client.get("/health/ready")
        assert told.status_code == 503
        assert told.json() == {"status": "unavailable", "reasons": {"state-store": "Redis does not answer"}}
        store.says = ""
        asked_again(store)
        assert world.client.get("/health/ready").json() == {"status": "ready"}


def test_a_server_that_hangs_counts_as_away_after_a_second_and_hides_no_other(
    servers: tuple[Probe, Server, Server], clock: Clock
) -> None:
    probe, kafka, store = servers
    assert probe.problems() == {"kafka": UNKNOWN, "state-store": UNKNOWN}
    probe.start()
    eventually(lambda: not probe.problems())
    kafka.free.clear()
    asked = kafka.asked
    eventually(lambda: kafka.asked > asked)
    clock.now += 0.9
    assert "kafka" not in probe.problems()
    clock.now += 0.2
    asked_again(store)
    assert probe.problems() == {"kafka": "no answer for 1.1 s"}
    kafka.free.set()
    asked_again(kafka)
    eventually(lambda: not probe.problems())


def test_a_request_waits_for_no_server(servers: tuple[Probe, Server, Server]) -> None:
    probe, kafka, _ = servers
    kafka.free.clear()
    told: list[Any] = []
    with TestClient(create_app(build(probe=probe).context)) as client:
        reader = Thread(target=lambda: told.append(client.get("/health/ready").status_code))
        reader.start()
        reader.join(10)
        kafka.free.set()
    assert told == [503]


def test_restarts_are_told_by_readiness_and_by_the_metric(tmp_path: Any) -> None:
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
    with running(build(restarts=restarts)) as world:
        assert world.client.get("/health/ready").json() == {"status": "ready", "restarts": {"worker": 2}}
