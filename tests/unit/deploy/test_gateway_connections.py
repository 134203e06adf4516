"""Attacks on connections, by raw sockets: half-open, slow, endless, too many; honest ones are answered meanwhile."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from deploy.gateway.access.audit import AuditLog
from tests.unit.deploy.gateway_fixtures import KEY, NOW, access_of, eventually
from tests.unit.deploy.served_gateway import GET, Served, answer, is_closed, served

HALF = b"GET /v1/recommendations/ann HTTP/1.1\r\nHost: x\r\nX-Slow: "
POST = f"POST /v1/interactions HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\nContent-Length: ".encode()
SHORT = {"header_seconds": 0.6, "body_seconds": 0.6, "idle_seconds": 0.6}


@pytest.fixture(scope="module")
def short() -> Iterator[Served]:
    with served(**SHORT, header_kb=4, bodies_mb=0.2) as running:
        yield running


def reason(answered: bytes) -> str:
    return str(msgspec.json.decode(answered.partition(b"\r\n\r\n")[2])["reason"])


@pytest.mark.lengthy
def test_two_thousand_half_open_connections_end_while_honest_requests_are_answered() -> None:
    with served(header_seconds=3.0, connections_max=1_500, connections_per_client=1_500) as gateway:
        attack = [gateway.connect(HALF if number % 2 else b"") for number in range(2_000)]
        eventually(lambda: len(gateway.guard.open) == 1_500)
        began = time.monotonic()
        answered = []
        while gateway.guard.open and time.monotonic() - began < 15:
            answered.append(gateway.ask()[0])
        took = time.monotonic() - began
        assert not gateway.guard.open
        assert took < 8
        assert len(answered) > 20
        assert set(answered) == {200}
        assert gateway.closed.count("client-connections") >= 500
        assert gateway.closed.count("slow-headers") >= 1_000
        for connection in attack:
            connection.close()


def test_a_connection_that_was_just_answered_outlives_half_open_ones() -> None:
    with served(header_seconds=20.0, idle_seconds=20.0, connections_per_client=6) as gateway:
        with gateway.connect(GET) as honest:
            assert answer(honest)[0] == 200
            attack = [gateway.connect(HALF) for _ in range(4)]
            eventually(lambda: len(gateway.guard.open) == 5)
            honest.sendall(GET)
            assert answer(honest)[0] == 200
            attack += [gateway.connect(HALF) for _ in range(5)]
            eventually(lambda: gateway.closed.count("client-connections") == 4)
            honest.sendall(GET)
            assert answer(honest)[0] == 200
        for connection in attack:
            connection.close()


def test_a_large_body_before_the_next_request_is_not_counted_as_headers(short: Served) -> None:
    event = b'{"type": "click", "user_id": "ann", "item_id": "i1", "surplus": "%b"}' % (b"x" * 40_000)
    with short.connect() as connection:
        connection.sendall(POST + str(len(event)).encode() + b"\r\n\r\n" + event + GET)
        assert answer(connection)[0] == 202
    assert "headers-too-large" not in short.closed


@pytest.mark.parametrize(
    "begin",
    [b"", b"G", b"\r\n", HALF, GET + b"G", GET + GET + HALF],
    ids=["nothing", "byte", "line", "half", "next", "two"],
)
def test_slow_headers_end_the_connection_even_if_bytes_keep_arriving(short: Served, begin: bytes) -> None:
    with short.connect(begin) as connection:
        connection.settimeout(0.1)
        began, closed = time.monotonic(), False
        while not closed and time.monotonic() - began < 8:
            try:
                connection.sendall(b"\r\n" if begin == b"\r\n" else b"a")
                closed = connection.recv(65_536) == b""
            except TimeoutError:
                continue
            except ConnectionError:
                closed = True
        assert closed
        assert time.monotonic() - began < 5


def test_slow_headers_are_answered_with_408(short: Served) -> None:
    status, answered = short.ask(HALF)
    assert (status, reason(answered)) == (408, "slow-headers")


def test_a_slow_body_is_answered_with_408_and_is_no_error_of_the_gateway(
    short: Served, caplog: pytest.LogCaptureFixture
) -> None:
    with short.connect(POST + b"1000\r\n\r\n[") as connection:
        status, answered = answer(connection)
        assert (status, reason(answered)) == (408, "slow-body")
        assert is_closed(connection)
    assert short.closed[-1] == "slow-body"
    assert short.ask()[0] == 200
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_slow_body_after_an_early_answer_ends_the_connection(short: Served) -> None:
    with short.connect(POST.replace(KEY.encode(), b"wrong") + b"100000\r\n\r\n") as connection:
        assert answer(connection)[0] == 401
        began = time.monotonic()
        closed = False
        while not closed and time.monotonic() - began < 8:
            try:
                connection.sendall(b" ")
                time.sleep(0.05)
            except ConnectionError:
                closed = True
        assert closed


@pytest.mark.parametrize(
    "request_head",
    [
        GET[:-2] + b"X-Large: " + b"a" * 5_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        GET[:-2] + b"".join(b"X-%d: 1\r\n" % number for number in range(150)) + b"\r\n",
    ],
    ids=["value", "path", "fields"],
)
def test_headers_that_are_too_large_are_answered_with_431(short: Served, request_head: bytes) -> None:
    status, answered = short.ask(request_head)
    assert (status, reason(answered)) == (431, "headers-too-large")


@pytest.mark.parametrize("before", [b"", GET])
def test_endless_headers_are_cut_off(short: Served, before: bytes) -> None:
    sent = 0
    with short.connect(before + HALF) as connection:
        connection.settimeout(5)
        try:
            while sent < 50_000_000:
                sent += connection.send(b"a" * 4_096)
        except ConnectionError:
            pass
    assert sent < 10_000_000
    assert short.closed[-1] == "headers-too-large"


def test_an_idle_connection_ends(short: Served) -> None:
    with short.connect(GET) as connection:
        assert answer(connection)[0] == 200
        assert is_closed(connection)


def test_a_client_that_does_not_read_its_answers_is_cut_off(short: Served) -> None:
    page = b"GET /schema/page/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.connect(("127.0.0.1", short.port))
        connection.sendall(page * 20)
        eventually(lambda: "slow-reading" in short.closed)
    eventually(lambda: not short.guard.open)


def test_clients_that_do_not_read_a_large_answer_take_little_memory_and_give_way() -> None:
    page = b"GET /schema/page/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n"
    with served(connections_max=20) as gateway, ExitStack() as attack:
        for _ in range(20):
            connection = attack.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            connection.connect(("127.0.0.1", gateway.port))
            connection.sendall(page * 20)
        eventually(lambda: [each.phase.value for each in list(gateway.guard.open)] == ["slow-reading"] * 20)
        assert max(each.transport.get_write_buffer_size() for each in list(gateway.guard.open)) < 200_000  # type: ignore[attr-defined]
        assert gateway.ask()[0] == 200
        attack.close()
        eventually(lambda: not gateway.guard.open and not gateway.server.server_state.tasks)


def test_requests_far_ahead_of_their_answers_are_refused(short: Served) -> None:
    with short.connect(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n" * 3_000) as connection:
        assert is_closed(connection)
    assert short.closed[-1] == "pipelined"


def test_a_few_requests_ahead_of_their_answers_are_answered_in_order(short: Served) -> None:
    with short.connect(GET * 5) as connection:
        connection.settimeout(5)
        received = b""
        while received.count(b"HTTP/1.1 200") < 5:
            received += connection.recv(65_536)


def test_bodies_take_no_more_memory_than_they_may_and_others_are_asked_to_wait(short: Served) -> None:
    bodies = [short.connect(POST + b"200000\r\n\r\n[" + b" " * 60_000) for _ in range(3)]
    eventually(lambda: short.guard.queued_bytes > 100_000)
    status, answered = short.ask(POST + b"100000\r\n\r\n" + b" " * 90_000)
    assert (status, reason(answered)) == (503, "busy")
    assert short.ask()[0] == 200
    for connection in bodies:
        connection.close()
    eventually(lambda: short.guard.queued_bytes == 0)


def test_bodies_without_a_key_do_not_count_once_they_are_refused(short: Served) -> None:
    with short.connect(POST.replace(KEY.encode(), b"wrong") + b"9000000\r\n\r\n") as connection:
        assert answer(connection)[0] == 401
        for _ in range(20):
            connection.sendall(b" " * 50_000)
        assert short.ask()[0] == 200
        assert short.guard.queued_bytes == 0


@pytest.mark.lengthy
def test_connections_with_requests_stay_and_new_ones_are_refused_when_all_are_busy() -> None:
    waiting = GET.replace(
        b"/ann ", b"/ann?after=interactions-0@99,interactions-1@99,interactions-2@99,interactions-3@99&timeout_ms=3000 "
    )
    with served(connections_max=3, connections_per_client=100) as gateway:
        busy = [gateway.connect(waiting) for _ in range(3)]
        eventually(
            lambda: len(gateway.guard.open) == 3 and all(each.phase.value == "answering" for each in gateway.guard.open)
        )
        status, answered = gateway.ask()
        assert (status, reason(answered) if answered else "connections") in {(503, "connections"), (0, "connections")}
        assert [answer(connection)[0] for connection in busy] == [200] * 3
        assert gateway.closed == ["connections"]
        for connection in busy:
            connection.close()


def test_one_address_cannot_use_up_the_connections_of_others() -> None:
    with served(connections_max=50, connections_per_client=10) as gateway:
        greedy = [gateway.connect(HALF) for _ in range(40)]
        eventually(lambda: len(gateway.guard.open) == 10)
        with socket.create_connection(("127.0.0.1", gateway.port), source_address=("127.0.0.2", 0)) as other:
            other.settimeout(10)
            other.sendall(GET)
            assert answer(other)[0] == 200
            assert {client: len(own) for client, own in gateway.guard.by_client.items()} == {
                "127.0.0.1": 10,
                "127.0.0.2": 1,
            }
        for connection in greedy:
            connection.close()


# What held before stays: smuggling and other malformed requests


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"POST /v1/items HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + GET,
        b"POST /v1/items HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n[]  " + GET,
        b"POST /v1/items HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + GET,
        b"POST /v1/items HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + GET,
        b"POST /v1/items HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n" + GET,
        b"POST /v1/items HTTP/1.1\r\nHost: x\r\nContent-Length: +4\r\n\r\n[]  " + GET,
        b"POST /v1/items HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n" + GET,
        b"GET /v1/keys\x00 HTTP/1.1\r\nHost: x\r\n\r\n" + GET,
        b"GET /v1/keys HTTP/1.1\nHost: x\n\n" + GET,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + GET,
    ],
)
def test_a_malformed_request_hides_no_other(short: Served, request_bytes: bytes) -> None:
    with short.connect(request_bytes) as connection:
        connection.settimeout(8)
        received = b""
        try:
            while part := connection.recv(65_536):
                received += part
        except ConnectionError:
            pass
    assert b"HTTP/1.1 200" not in received
    assert received.count(b"HTTP/1.1 ") <= 1


def test_an_upgrade_is_not_answered(short: Served) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    upgrade += b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    assert short.ask(GET[:-2] + upgrade)[0] in (200, 400)
    assert short.ask()[0] == 200


@pytest.mark.parametrize(
    ("trusted", "address"), [((), "127.0.0.1"), (("10.0.0.1",), "127.0.0.1"), (("127.0.0.1",), "192.0.2.7")]
)
def test_the_audit_log_believes_a_forwarded_address_from_trusted_proxies_alone(
    tmp_path: Path, trusted: tuple[str, ...], address: str
) -> None:
    log = AuditLog(tmp_path / "audit.jsonl", megabytes=1.0, files=2)
    forwarded = GET.replace(b"Host: x", b"Host: x\r\nX-Forwarded-For: 192.0.2.7")
    with served(trusted_proxies=trusted, access=access_of(lambda: NOW, audit=log)) as gateway:
        assert gateway.ask(forwarded)[0] == 200
        eventually(lambda: (tmp_path / "audit.jsonl").exists() and (tmp_path / "audit.jsonl").stat().st_size > 0)
    entries = [msgspec.json.decode(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [entry["address"] for entry in entries] == [address]
