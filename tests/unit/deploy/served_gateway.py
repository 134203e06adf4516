"""A gateway over an in-memory log that listens on a real port, for tests that speak to it by raw sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

from deploy.gateway.app import create_app
from deploy.gateway.serving.connections import ConnectionGuard
from deploy.gateway.serving.server import GatewayServer, make_server
from deploy.settings import GatewaySettings
from schemas.ids import DEFAULT_USER
from tests.unit.deploy.gateway_fixtures import KEY, GatewayFixture, build, eventually

GET = f"GET /v1/recommendations/ann HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\n\r\n".encode()


@dataclass
class Served:
    """A listening gateway; `closed` are the reasons of connections that it closed."""

    gateway: GatewayFixture
    server: GatewayServer
    port: int
    closed: list[str] = field(default_factory=list)

    @property
    def guard(self) -> ConnectionGuard:
        return self.server._guard

    def connect(self, sent: bytes = b"") -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        if sent:
            connection.sendall(sent)
        return connection

    def ask(self, sent: bytes = GET) -> tuple[int, bytes]:
        """Send a request on a connection of its own; return status and everything that was answered."""
        with self.connect(sent) as connection:
            return answer(connection)


def answer(connection: socket.socket) -> tuple[int, bytes]:
    """Return the status and the bytes of one answer; 0 and nothing, if the connection was closed without one."""
    received = b""
    try:
        while b"\r\n\r\n" not in received:
            part = connection.recv(65_536)
            if not part:
                return 0, received
            received += part
        head, _, body = received.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        while len(body) < length:
            body += connection.recv(65_536)
    except ConnectionError:
        return 0, received
    return int(received.split(b" ", 2)[1]), head + b"\r\n\r\n" + body


def is_closed(connection: socket.socket, within: float = 10.0) -> bool:
    """Return whether the other side closes the connection; read what it sends until then."""
    connection.settimeout(within)
    try:
        while connection.recv(65_536):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


@contextmanager
def served(**more: Any) -> Iterator[Served]:
    """Serve with these settings of the gateway; a port is chosen."""
    build_more = {
        name: more.pop(name) for name in ("post_seconds", "body_bytes", "access", "store", "items") if name in more
    }
    gateway = build(**build_more)
    gateway.publish(DEFAULT_USER, 1)
    server = make_server(GatewaySettings(**more), create_app(gateway.context), gateway.context.condition)
    closed: list[str] = []
    server._guard.observe = closed.append
    # The loop that the process runs on: uvloop, where it is installed.
    loop = (server.config.get_loop_factory() or asyncio.new_event_loop)()

    def serve() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(server._serve())
        loop.close()

    thread = Thread(target=serve, daemon=True)
    thread.start()
    try:
        eventually(lambda: server.started and gateway.context.cache.caught_up)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Served(gateway, server, port, closed)
    finally:
        server.should_exit = True
        thread.join(20)
