"""The embedded stack with its real servers: starts, restarts, refuses wrong passwords, stops."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import typer
from pymilvus import MilvusClient
from typer.testing import CliRunner

from deploy.cli.operations import stack as stack_commands
from deploy.clients import make_memory_index, milvus_collections
from deploy.embedded import kafka, milvus, redis, shared_memory, triton
from deploy.embedded.processes import listeners, processes_of
from deploy.embedded.server import StackError
from deploy.embedded.stack import ALL_SERVERS, NotHealthy, Stack
from deploy.embedded.status import StatusRow
from deploy.embedded.supervisor import wait_until
from deploy.settings import EmbeddedSettings, Settings
from inference.encoders.hashed_words import HASHED_WIDTH
from schemas.ids import UserId

pytestmark = [pytest.mark.servers, pytest.mark.slow]

ONLY_REDIS = frozenset({"redis"})


def ignore(name: str, state: str) -> None:
    """Ignore a progress report."""


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """Yield a factory of stacks, which are stopped at the end of the test."""
    stacks: list[Stack] = []

    def stack(name: str, **settings: object) -> Stack:
        stacks.append(Stack(Settings(**settings).model_copy(update={"data_dir": tmp_path / name})))  # type: ignore[arg-type]
        return stacks[-1]

    yield stack
    for stack in stacks:
        stack.down()
        shutil.rmtree(stack.layout.run, ignore_errors=True)


def row(stack: Stack, name: str) -> StatusRow:
    return next(row for row in stack.status() if row.name == name)


def without(settings: Settings, section: str, **secrets: str) -> Settings:
    """Return the settings with other credentials in one section."""
    changed = getattr(settings, section).model_dump() | secrets
    return Settings(**(settings.model_dump(exclude={section}) | {section: changed}))


def test_every_server_is_healthy_and_a_second_up_changes_nothing(stack: Settings, embedded: Stack) -> None:
    servers = [row for row in embedded.status() if row.name in ALL_SERVERS]
    assert {row.name: row.problem for row in servers} == dict.fromkeys(ALL_SERVERS, "")
    pids = {row.name: row.pid for row in servers}
    endpoints = embedded.layout.endpoints_file.read_text()

    assert embedded.up(ignore) == []

    assert {row.name: row.pid for row in embedded.status() if row.name in ALL_SERVERS} == pids
    assert embedded.layout.endpoints_file.read_text() == endpoints


@pytest.mark.parametrize("name", ["redis", "kafka"])
def test_a_killed_server_comes_back_by_itself(stack: Settings, embedded: Stack, name: str) -> None:
    before = row(embedded, name).pid
    psutil.Process(before).kill()
    assert wait_until(lambda: row(embedded, name).pid not in {0, before}, seconds=30)
    # A killed broker checks every segment that was open: those of the topics of all tests before.
    assert wait_until(lambda: row(embedded, name).healthy, seconds=180), row(embedded, name).problem


@pytest.mark.parametrize("name", ["kafka", "redis", "milvus", "triton"])
def test_servers_listen_on_loopback_only(stack: Settings, embedded: Stack, name: str) -> None:
    sockets = listeners(row(embedded, name).pid)
    assert sockets
    assert {address for address, _ in sockets} == {"127.0.0.1"}


def test_clients_with_a_wrong_password_are_refused(stack: Settings) -> None:
    assert kafka.problem(stack) == redis.problem(stack) == milvus.problem(stack) == triton.problem(stack) == ""
    assert kafka.problem(without(stack, "kafka", sasl_password="wrong"))
    assert kafka.problem(without(stack, "kafka", security_protocol="PLAINTEXT"))
    port = stack.redis.url.get_secret_value().rpartition("@")[2]
    assert "authentication" in redis.problem(without(stack, "redis", url=f"redis://{port}")).lower()
    assert redis.problem(without(stack, "redis", url=f"redis://:wrong@{port}"))
    for token in ("", "root:wrong", f"root:{milvus.FACTORY_PASSWORD}"):
        assert milvus.problem(without(stack, "milvus", token=token))


def test_down_leaves_no_process_and_a_second_down_finds_nothing(make: Callable[..., Stack]) -> None:
    # A path too long for the supervisor's socket.
    stack = make("stopped-" + "x" * 100)
    assert stack.up(ignore, names=ONLY_REDIS) == ["redis"]
    assert processes_of(stack.layout.data_dir)
    assert stack.down() == ["redis"]
    assert processes_of(stack.layout.data_dir) == []
    assert stack.down() == []


def test_data_and_ports_survive_down_and_up(make: Callable[..., Stack]) -> None:
    stack = make("kept")
    stack.up(ignore, names=ONLY_REDIS)
    first = stack.settings()
    stack.down()
    stack.up(ignore, names=ONLY_REDIS)
    assert stack.settings() == first
    assert redis.problem(first) == ""


def test_servers_of_a_killed_supervisor_are_ended_by_down(make: Callable[..., Stack]) -> None:
    stack = make("orphaned")
    stack.up(ignore, names=ONLY_REDIS)
    psutil.Process(int(stack.layout.pid_file.read_text())).kill()
    assert wait_until(lambda: not stack.running(), seconds=10)
    assert stack.down() == ["redis-server"]
    assert processes_of(stack.layout.data_dir) == []


def test_a_server_that_cannot_start_is_named_and_everything_is_stopped_again(make: Callable[..., Stack]) -> None:
    stack = make("broken")
    data = stack.layout.data("redis")
    data.mkdir(parents=True)
    (data / "appendonly.aof").write_text("not an append-only file\n")
    with pytest.raises(NotHealthy, match="redis does not become healthy"):
        stack.up(ignore, names=ONLY_REDIS)
    assert "Bad file format" in stack.log_tail("redis")
    assert processes_of(stack.layout.data_dir) == []


def test_a_broken_milvus_does_not_keep_others_from_starting_and_can_be_restarted(make: Callable[..., Stack]) -> None:
    stack = make("without-milvus")
    # A full disk leaves files that are not what Milvus wrote.
    data = stack.layout.data("milvus")
    data.mkdir(parents=True)
    (data / "etcd").write_text("")
    started = stack.up(ignore, names=frozenset({"redis", "milvus"}))
    assert set(started) == {"redis", "milvus"}
    assert "milvus does not become healthy" in stack.degraded["milvus"]
    assert row(stack, "redis").healthy
    degraded = row(stack, "milvus")
    assert (degraded.healthy, degraded.restarts > 0, bool(degraded.last_end)) == (False, True, True)

    (data / "etcd").unlink()
    stack.degraded.clear()
    stack.restart("milvus", ignore)
    assert stack.degraded == {}
    assert row(stack, "milvus").healthy


def test_a_milvus_whose_collections_do_not_answer_is_not_healthy(stack: Settings) -> None:
    memories, collection = make_memory_index(stack, writes=True), milvus_collections(stack)[0]
    memories.search(UserId("nobody"), np.ones(HASHED_WIDTH), 1)
    memories.close()
    assert milvus.problem(stack) == ""
    client = MilvusClient(stack.milvus.uri, token=stack.milvus.token.get_secret_value())
    client.release_collection(collection)
    try:
        assert "a query failed" in milvus.problem(stack)
    finally:
        client.load_collection(collection)
        client.close()


def test_down_removes_shared_memory_of_a_killed_triton(make: Callable[..., Stack]) -> None:
    stack = make("killed")
    stack.up(ignore, names=frozenset({"triton"}))
    prefix = triton.shm_prefix(stack.ports())
    left = shared_memory.named(prefix)
    assert left
    server = psutil.Process(row(stack, "triton").pid)
    for process in (server, *server.children(recursive=True)):
        process.kill()
    assert wait_until(lambda: row(stack, "triton").restarts == 1, seconds=30)
    stack.down()
    assert shared_memory.named(prefix) == set()


def test_a_used_port_is_named_with_its_process(make: Callable[..., Stack]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(StackError, match=rf"port {port} \(redis\) is used by .*pid"):
            make("taken", embedded=EmbeddedSettings(redis_port=port)).up(ignore, names=ONLY_REDIS)


def test_the_commands_start_no_server_that_the_settings_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        nowhere = f"127.0.0.1:{silent.getsockname()[1]}"
    variables = {"DATA_DIR": str(tmp_path / "d"), "KAFKA__BOOTSTRAP": nowhere, "TRITON__GRPC": nowhere}
    for name, value in (variables | {"MILVUS__URI": f"http://{nowhere}"}).items():
        monkeypatch.setenv(f"LIFELONG_{name}", value)
    app = typer.Typer()
    stack_commands.register(app)
    run = CliRunner()
    started = run.invoke(app, ["up", "--servers-only"])
    try:
        assert (started.exit_code, "Started redis" in started.output) == (0, True), started.output
        assert "Everything is running already" in run.invoke(app, ["up", "--servers-only"]).output
        shown = json.loads(run.invoke(app, ["status", "--json"]).output)
        states = {server["name"]: (server["state"], server["healthy"]) for server in shown["servers"]}
        assert states["redis"] == ("running", True)
        assert {states[name] for name in ("kafka", "milvus", "triton")} == {("external", False)}
        assert run.invoke(app, ["doctor"]).exit_code == 1
    finally:
        stopped = run.invoke(app, ["down"])
    assert (stopped.exit_code, stopped.output) == (0, "Stopped redis.\n")
    assert run.invoke(app, ["down"]).output == f"Nothing is running in {tmp_path / 'd'}.\n"
