"""The gateway as a process, served by uvicorn, and its graceful shutdown."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from deploy.gateway.app import create_app
from deploy.gateway.context import GatewayCondition
from deploy.gateway.limits import MAX_WAIT_MS
from deploy.gateway.serving.request_metrics import RequestMetrics
from deploy.monitoring.telemetry import count_request
from deploy.settings import Settings

logger = logging.getLogger(__name__)
GRACE_SECONDS = MAX_WAIT_MS // 1_000 + 5
"""How long started requests may take to end: longer than the longest wait of a GET."""


class GatewayServer(uvicorn.Server):
    """A server that drains. On SIGTERM or SIGINT it

    1. answers `/health/ready` with 503 at once, and everything else as before, so that load balancers turn away
    2. after `drain_seconds` accepts no more connections and lets started requests finish
    3. delivers queued posts; the process ends with status 0

    A second signal starts step 2 at once. The death of one of the gateway's threads ends the server, too.
    """

    def __init__(self, config: uvicorn.Config, condition: GatewayCondition, *, drain_seconds: float) -> None:
        super().__init__(config)
        self._condition = condition
        self._drain_seconds = drain_seconds

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

    async def on_tick(self, counter: int) -> bool:
        """Return whether to end; called ten times a second."""
        return await super().on_tick(counter) or self._condition.failed

    def _drain(self) -> None:
        wait = 0.0 if self._condition.draining else self._drain_seconds
        self._condition.draining = True
        asyncio.get_running_loop().call_later(wait, self._stop)

    def _stop(self) -> None:
        self.should_exit = True


def run(settings: Settings) -> None:
    """Serve until a signal to stop.

    Raises:
        SettingsError: no key or no broker is set.
        SystemExit: non-zero, one of the threads died; the log says why.
    """
    from deploy.gateway.wiring import make_gateway_context

    gateway, context = settings.gateway, make_gateway_context(settings)
    config = uvicorn.Config(
        RequestMetrics(create_app(context), count_request, clock=time.perf_counter),
        host=gateway.host,
        port=gateway.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    GatewayServer(config, context.condition, drain_seconds=gateway.drain_seconds).run()
    if context.condition.failed:
        raise SystemExit("the gateway lost a thread: see above")
