"""The gateway as a process, served by uvicorn, and its graceful shutdown."""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from litestar.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE

from deploy.gateway.access.control import REFUSALS
from deploy.gateway.app import create_app
from deploy.gateway.context import GatewayCondition
from deploy.gateway.limits import MAX_WAIT_MS
from deploy.gateway.serving.connections import ConnectionGuard, ConnectionLimits
from deploy.gateway.serving.guarded_protocol import CLOSING, GuardedProtocol
from deploy.gateway.serving.request_metrics import RequestMetrics
from deploy.gateway.serving.tls import ServerCertificate, make_certificate
from deploy.monitoring.telemetry import CONNECTIONS, count_closed, count_request, start_refusals
from deploy.settings import GatewaySettings, Settings

logger = logging.getLogger(__name__)
GRACE_SECONDS = MAX_WAIT_MS // 1_000 + 5
"""How long started requests may take to end: longer than the longest wait of a GET."""
OTHER_FILES = 500
"""Open files that the process needs beside its connections: clients of the servers, logs, libraries."""
TICKS_PER_CHECK = 5
"""The server ticks ten times a second."""


class GatewayServer(uvicorn.Server):
    """A server that drains. On SIGTERM or SIGINT it

    1. answers `/health/ready` with 503 at once, and everything else as before, so that load balancers turn away
    2. after `drain_seconds` accepts no more connections and lets started requests finish
    3. delivers queued posts; the process ends with status 0

    A second signal starts step 2 at once. The death of one of the gateway's threads ends the server, too.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        condition: GatewayCondition,
        *,
        drain_seconds: float,
        guard: ConnectionGuard,
        certificate: ServerCertificate | None = None,
    ) -> None:
        super().__init__(config)
        self._condition = condition
        self._drain_seconds = drain_seconds
        self._guard = guard
        self._certificate = certificate

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals here while the server runs, and raise none again afterwards, so that the status is 0."""
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGTERM, signal.SIGINT)
        for number in numbers:
            loop.add_signal_handler(number, self._drain)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, as uvicorn does, for connections with limits; TLS handshakes have one of time."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(STARTUP_FAILURE)
        loop, config = asyncio.get_running_loop(), self.config
        config.ssl = self._certificate.context if self._certificate is not None else None
        try:
            server = await loop.create_server(
                self._new_connection,
                config.host,
                config.port,
                backlog=config.backlog,
                ssl=config.ssl,
                ssl_handshake_timeout=self._guard.limits.header_seconds if config.ssl else None,
            )
        except OSError as exc:
            logger.error("%s:%d: %s", config.host, config.port, exc)
            await self.lifespan.shutdown()
            sys.exit(STARTUP_FAILURE)
        self.servers = [server]
        self._log_started_message(server.sockets)
        self.started = True

    def _new_connection(self) -> asyncio.Protocol:
        return GuardedProtocol(self.config, self.server_state, self.lifespan.state, guard=self._guard)

    async def on_tick(self, counter: int) -> bool:
        """Return whether to end; called ten times a second."""
        if counter % TICKS_PER_CHECK == 0:
            self._guard.close_overdue(asyncio.get_running_loop().time())
            if self._certificate is not None:
                self._certificate.refresh()
        return await super().on_tick(counter) or self._condition.failed

    def _drain(self) -> None:
        wait = 0.0 if self._condition.draining else self._drain_seconds
        self._condition.draining = True
        asyncio.get_running_loop().call_later(wait, self._stop)

    def _stop(self) -> None:
        self.should_exit = True


def make_server(settings: GatewaySettings, app: ASGIApp, condition: GatewayCondition) -> GatewayServer:
    """Return a server of an application, under the limits of the settings.

    Raises:
        SettingsError: the files of the certificate cannot be used.
    """
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        timeout_keep_alive=max(1, round(settings.idle_seconds)),
        timeout_graceful_shutdown=GRACE_SECONDS,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
    )
    guard = ConnectionGuard(connection_limits(settings), observe=count_closed, count=CONNECTIONS.set)
    certificate = make_certificate(settings)
    return GatewayServer(config, condition, drain_seconds=settings.drain_seconds, guard=guard, certificate=certificate)


def connection_limits(settings: GatewaySettings) -> ConnectionLimits:
    """Return the limits of connections; as many connections as the process may open files, where that is fewer."""
    return ConnectionLimits(
        connections=min(settings.connections_max, max(1, open_files() - OTHER_FILES)),
        per_client=settings.connections_per_client,
        header_bytes=int(settings.header_kb * 1e3),
        header_seconds=settings.header_seconds,
        body_seconds=settings.body_seconds,
        idle_seconds=settings.idle_seconds,
        queued_body_bytes=int(settings.bodies_mb * 1e6),
    )


def open_files() -> int:
    """Raise the number of files that the process may open to what the system allows it, and return it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def observed(app: ASGIApp, clock: Callable[[], float] = time.perf_counter) -> ASGIApp:
    """Return the application with its requests counted and timed."""
    return RequestMetrics(app, count_request, clock=clock)


def run(settings: Settings) -> None:
    """Serve until a signal to stop.

    Raises:
        SettingsError: no key or no broker is set, or the files of the certificate cannot be used.
        SystemExit: non-zero, one of the threads died; the log says why.
    """
    from deploy.gateway.wiring import make_gateway_context

    context = make_gateway_context(settings)
    start_refusals(REFUSALS, CLOSING)
    make_server(settings.gateway, observed(create_app(context)), context.condition).run()
    if context.condition.failed:
        raise SystemExit("the gateway lost a thread: see above")
