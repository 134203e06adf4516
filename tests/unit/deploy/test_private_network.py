"""A program in a private network is reached at the forwarded ports alone, and ends with its launcher."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from deploy.embedded import milvus
from deploy.embedded.interfaces import answering, other_addresses
from deploy.embedded.private_network import NAMESPACE_REFUSED
from deploy.embedded.server import StackError
from deploy.embedded.supervisor import wait_until

LAUNCHER = (sys.executable, "-m", "deploy.embedded.private_network")
# Listens on two ports of every address, as Milvus does, and answers the body of each request's path.
SERVER = """
import sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Echo(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200), self.end_headers(), self.wfile.write(self.path.encode())
    def log_message(self, *words): pass
servers = [ThreadingHTTPServer(("0.0.0.0", int(port)), Echo) for port in sys.argv[1:]]
for server in servers[1:]: threading.Thread(target=server.serve_forever, daemon=True).start()
servers[0].serve_forever()
"""


def test_milvus_runs_where_nobody_else_reaches_its_inner_ports() -> None:
    assert milvus.network(True, ["10.0.0.7"], accepted=False) == "private"
    assert milvus.network(True, ["10.0.0.7"], accepted=True) == "private"
    assert milvus.network(False, [], accepted=False) == "loopback"


def test_milvus_is_refused_where_others_would_reach_it_unless_that_is_accepted() -> None:
    with pytest.raises(StackError, match=r"at 10\.0\.0\.7.*\[milvus\] uri.*user_namespaces.*milvus_exposed = true"):
        milvus.network(False, ["10.0.0.7"], accepted=False)
    assert milvus.network(False, ["10.0.0.7"], accepted=True) == "exposed"


def test_loopback_is_not_an_address_that_others_reach() -> None:
    assert not {"127.0.0.1", "::1"} & set(other_addresses())


def test_a_port_that_answers_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert answering(["127.0.0.1"], [port]) == [("127.0.0.1", port)]
    assert answering(["127.0.0.1"], [port]) == []


def free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in held]
    for server in held:
        server.close()
    return ports


@pytest.fixture(scope="module")
def _namespaces() -> None:
    """Skip where this kernel refuses network namespaces to this user."""
    if subprocess.run((*LAUNCHER, "--", "true"), capture_output=True).returncode == NAMESPACE_REFUSED:
        pytest.skip("the kernel refuses network namespaces")


@contextmanager
def launched(*options: str, ports: list[int]) -> Iterator[psutil.Popen]:
    """Run the server on these ports in a private network, until the first forwarded one answers."""
    command = (*LAUNCHER, *options, "--", sys.executable, "-c", SERVER, *map(str, ports))
    process = psutil.Popen(command)
    try:
        assert wait_until(lambda: status_of(ports[0], "/metrics") == 200, seconds=10)
        yield process
    finally:
        if process.is_running():
            process.kill()
        process.wait()


def status_of(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as exc:
        exc.close()
        return exc.code
    except OSError:
        return 0


@pytest.mark.usefixtures("_namespaces")
def test_where_the_kernel_refuses_a_namespace_the_program_is_not_started() -> None:
    refusing = "echo 0 > /proc/sys/user/max_user_namespaces && echo 0 > /proc/sys/user/max_net_namespaces"
    command = f'{refusing} && exec "$@" -- echo started'
    refused = subprocess.run(
        ("unshare", "--user", "--map-root-user", "sh", "-c", command, "sh", *LAUNCHER), capture_output=True, text=True
    )
    assert (refused.returncode, refused.stdout) == (NAMESPACE_REFUSED, ""), refused.stderr
    assert "the kernel refuses a network namespace" in refused.stderr


@pytest.mark.usefixtures("_namespaces")
def test_only_the_forwarded_ports_answer_and_none_of_them_outside_loopback() -> None:
    client, pages, inner = ports = free_ports(3)
    with launched(f"--forward={client}", f"--pages={pages}", ports=ports):
        assert [status_of(client, path) for path in ("/expr", "/metrics")] == [200, 200]
        assert [status_of(pages, path) for path in ("/healthz", "/metrics")] == [200, 200]
        assert [status_of(pages, path) for path in ("/expr", "/debug/pprof/", "/metrics/..", "/")] == [404] * 4
        assert status_of(inner, "/metrics") == 0
        assert answering(other_addresses(), ports) == []


@pytest.mark.usefixtures("_namespaces")
def test_a_second_request_on_the_same_connection_is_not_passed_on() -> None:
    client, pages = ports = free_ports(2)
    with launched(f"--forward={client}", f"--pages={pages}", ports=ports):
        with socket.create_connection(("127.0.0.1", pages), timeout=5) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /expr HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(4096), b""))
        assert answer.count(b"HTTP/1.") == 1
        assert answer.endswith(b"/healthz")


@pytest.mark.usefixtures("_namespaces")
def test_a_killed_launcher_leaves_no_program_behind() -> None:
    [port] = ports = free_ports(1)
    with launched(f"--forward={port}", ports=ports) as launcher:
        [program] = launcher.children()
        launcher.kill()
        assert wait_until(lambda: not program.is_running() or program.status() == psutil.STATUS_ZOMBIE, seconds=5)


@pytest.mark.usefixtures("_namespaces")
def test_a_stopped_launcher_stops_its_program_and_ends_as_it_ended() -> None:
    [port] = ports = free_ports(1)
    with launched(f"--forward={port}", ports=ports) as launcher:
        [program] = launcher.children()
        launcher.terminate()
        assert launcher.wait(5) == 128 + 15
        assert not program.is_running()
    assert subprocess.run((*LAUNCHER, "--", "sh", "-c", "exit 7")).returncode == 7
