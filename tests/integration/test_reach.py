"""What strangers reach of the embedded servers: other users, other machines, and web pages in this user's browser."""

from __future__ import annotations

import base64
import json
import os
import socket
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from tritonclient.grpc import InferenceServerClient
from tritonclient.utils import InferenceServerException

from deploy.embedded import choices, doctor, milvus, triton
from deploy.embedded.processes import listeners
from deploy.embedded.stack import Stack
from deploy.settings import Settings

pytestmark = [pytest.mark.servers, pytest.mark.slow]
CODE = """
from pathlib import Path
class TritonPythonModel:
    def initialize(self, args):
        Path({path!r}).write_text("ran")
"""
CONFIG = '{"backend": "python", "max_batch_size": 0, "input": [], "output": []}'


@pytest.fixture
def client(stack: Settings) -> Iterator[InferenceServerClient]:
    """A client of the embedded Triton, without the stack's secret."""
    made = InferenceServerClient(stack.triton.grpc)
    yield made
    made.close()


@pytest.fixture
def secret(embedded: Stack) -> dict[str, str]:
    """The header of those who may control models."""
    chosen = choices.read(embedded.layout.choices_file)
    return {f"triton-grpc-protocol-{triton.SECRET_HEADER}": chosen.secrets["triton"]}


def pid_of(embedded: Stack, name: str) -> int:
    return next(row.pid for row in embedded.status() if row.name == name)


def test_a_web_page_loads_no_model_into_triton(stack: Settings, embedded: Stack, tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    files = {"file:1/model.py": base64.b64encode(CODE.format(path=str(proof)).encode()).decode()}
    body = json.dumps({"parameters": {"config": CONFIG, **files}}).encode()
    # All that a browser lets a foreign page send without asking first.
    headers = {"Content-Type": "text/plain", "Origin": "https://elsewhere.example"}
    ports = [port for _, port in listeners(pid_of(embedded, "triton"))]
    assert ports == [embedded.ports()["triton_metrics"]]
    for path in ("v2/repository/models/evil/load", "v2/repository/models/ranker/unload"):
        request = urllib.request.Request(f"http://127.0.0.1:{ports[0]}/{path}", body, headers)
        with pytest.raises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(request, timeout=10)
        refusal.value.close()
    assert not proof.exists()
    assert triton.problem(stack) == ""


@pytest.mark.parametrize("header", [{}, {"triton-grpc-protocol-lifelong-secret": "a guess"}])
def test_only_who_knows_the_secret_loads_and_unloads_models(
    stack: Settings, client: InferenceServerClient, tmp_path: Path, header: dict[str, str]
) -> None:
    proof = tmp_path / "ran"
    files = {"file:1/model.py": CODE.format(path=str(proof)).encode()}
    attempts = (
        lambda: client.load_model("evil", headers=header, config=CONFIG, files=files, client_timeout=30),
        lambda: client.unload_model("ranker", headers=header, client_timeout=30),
        lambda: client.get_model_repository_index(headers=header),
        lambda: client.get_inference_statistics("ranker", headers=header),
        lambda: client.register_system_shared_memory("all", "/lifelong", 1, headers=header),
        lambda: client.update_log_settings({"log_file": str(proof)}, headers=header),
        lambda: client.update_trace_settings("ranker", {"trace_file": [str(proof)]}, headers=header),
    )
    for attempt in attempts:
        with pytest.raises(InferenceServerException, match="protocol is restricted"):
            attempt()
    assert not proof.exists()
    assert triton.problem(stack) == ""


def test_who_knows_the_secret_controls_models(client: InferenceServerClient, secret: dict[str, str]) -> None:
    assert {"ranker"} <= {model.name for model in client.get_model_repository_index(headers=secret).models}


def test_tritons_socket_is_this_users_alone(stack: Settings, embedded: Stack) -> None:
    path = Path(stack.triton.grpc.removeprefix("unix:"))
    assert path.is_socket()
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_milvuss_inner_ports_and_etcd_are_reached_by_nobody(stack: Settings, embedded: Stack) -> None:
    if milvus.network_here(embedded.base.embedded) != "private":
        pytest.skip("the kernel refuses network namespaces")
    ports = embedded.ports()
    inner = [port for name, port in ports.items() if name.startswith("milvus_") and name != "milvus_health"]
    assert len(inner) == 9
    for port in inner:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=2)
    pages = f"http://127.0.0.1:{ports['milvus_health']}"
    paths = ("healthz", "metrics", "expr?auth=&code=1", "debug/pprof/", "log/level")
    assert [status_of(f"{pages}/{path}") for path in paths] == [200, 200, 404, 404, 404]


def test_without_namespaces_everything_but_milvus_starts_and_up_says_what_to_do(tmp_path: Path) -> None:
    if not doctor.other_addresses():
        pytest.skip("this machine has no address but loopback")
    variables = {"DATA_DIR": str(tmp_path), "KAFKA__BOOTSTRAP": "127.0.0.1:1", "TRITON__GRPC": "127.0.0.1:1"}
    refusing = "echo 0 > /proc/sys/user/max_user_namespaces && echo 0 > /proc/sys/user/max_net_namespaces"
    lifelong = f"{sys.executable} -m deploy.cli"
    script = f"{refusing} && {lifelong} up --servers-only; {lifelong} down"
    environment = os.environ | {f"LIFELONG_{name}": value for name, value in variables.items()}
    command = ("unshare", "--user", "--map-root-user", "sh", "-c", script)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert "Started redis in" in done.stdout
    assert "degraded: without milvus" in done.stdout
    assert "milvus_exposed = true" in done.stderr
    assert done.stdout.endswith("Stopped redis.\n")


def status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as exc:
        exc.close()
        return exc.code


def test_doctor_finds_no_port_that_answers_outside_loopback(stack: Settings, embedded: Stack) -> None:
    checks = {check.name: check for check in doctor.examine(embedded.base)}
    assert checks["reach"].level == "ok"
    assert checks["milvus's network"].level == "ok"


def test_doctor_names_a_port_of_the_stack_that_answers_outside_loopback(stack: Settings, embedded: Stack) -> None:
    """A program that takes a chosen port on every address is found, whatever it is."""
    if not doctor.other_addresses():
        pytest.skip("this machine has no address but loopback")
    port = embedded.ports()["milvus_etcd"]
    with socket.create_server(("0.0.0.0", port)):
        reach = next(check for check in doctor.examine(embedded.base) if check.name == "reach")
    assert reach.level == "problem"
    assert f"milvus_etcd answers at {doctor.other_addresses()[0]} port {port}" in reach.says


def test_status_says_what_is_open_to_whom(stack: Settings, embedded: Stack) -> None:
    assert {row.name: row.open_to for row in embedded.status() if row.pid} == {
        "kafka": "this machine, by login",
        "redis": "this machine, by password",
        "milvus": "this machine, by password",
        "triton": "this user",
    }
