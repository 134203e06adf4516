"""Limits of connections: how many there are, how long a request may take to arrive, and how many bytes wait.

Uvicorn limits none of these: a client that sends half a request keeps its connection for ever, and headers have no
largest size. A connection is always in one phase, each with its own limit of time; `close_overdue` is called a few
times a second and costs no timer per request.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol


class Phase(Enum):
    """What a connection is doing."""

    HEADERS = "slow-headers"
    """It waits for a request, or for the rest of its headers; the value is the reason of closing it."""
    BODY = "slow-body"
    READING = "slow-reading"
    """The client does not read its answer."""
    ANSWERING = "answering"
    """The application has the whole request; its own limits apply."""


IDLE = (Phase.HEADERS, Phase.READING)
"""Phases in which a connection gives way to a new one: nothing is being done for it."""


@dataclass(frozen=True, kw_only=True)
class ConnectionLimits:
    """See `deploy.settings.GatewaySettings`; sizes are in bytes, times in seconds."""

    connections: int = 4_000
    per_client: int = 1_000
    header_bytes: int = 32_000
    header_seconds: float = 10.0
    body_seconds: float = 30.0
    idle_seconds: float = 5.0
    queued_body_bytes: int = 256_000_000


class Closable(Protocol):
    """A connection as the guard sees it."""

    client_host: str
    phase: Phase
    due: float
    """When its phase must have ended, in the seconds of the loop's clock."""

    def close_for(self, reason: str) -> None:
        """Close the connection, with an answer that says why where one can still be sent."""


@dataclass
class ConnectionGuard:
    """The open connections and the bytes of bodies that wait; used from one event loop.

    `observe` receives the reason of every connection that is closed by a limit, `count` how many are open.
    """

    limits: ConnectionLimits
    observe: Callable[[str], None] = lambda reason: None
    count: Callable[[int], None] = lambda number: None
    queued_bytes: int = 0
    open: dict[Closable, None] = field(default_factory=dict)
    """Those that have waited longest for a request first."""
    by_client: defaultdict[str, dict[Closable, None]] = field(default_factory=lambda: defaultdict(dict))

    def admit(self, connection: Closable) -> None:
        """Count a new connection. Beyond a limit, the one that has waited longest for a request, or for its client to
        read, gives way to it; where there is none, the new one is closed.
        """
        own = self.by_client[connection.client_host]
        own[connection] = None
        self.open[connection] = None
        if len(own) > self.limits.per_client:
            self._make_room(own, connection, "client-connections")
        elif len(self.open) > self.limits.connections:
            self._make_room(self.open, connection, "connections")
        self.count(len(self.open))

    def wait(self, connection: Closable) -> None:
        """Take note that a connection begins to wait for its next request: others give way before it."""
        for waiting in (self.open, self.by_client[connection.client_host]):
            if connection in waiting:
                del waiting[connection]
                waiting[connection] = None

    def release(self, connection: Closable) -> None:
        """Forget a connection that is closed."""
        self.open.pop(connection, None)
        own = self.by_client[connection.client_host]
        own.pop(connection, None)
        if not own:
            del self.by_client[connection.client_host]
        self.count(len(self.open))

    def close_overdue(self, now: float) -> None:
        """Close the connections whose phase lasts too long."""
        for connection in [each for each in self.open if each.phase is not Phase.ANSWERING and each.due <= now]:
            self._close(connection, connection.phase.value)

    def _make_room(self, among: dict[Closable, None], newest: Closable, reason: str) -> None:
        waiting = (each for each in among if each.phase in IDLE and each is not newest)
        self._close(next(waiting, newest), reason)

    def _close(self, connection: Closable, reason: str) -> None:
        self.observe(reason)
        connection.close_for(reason)
        self.release(connection)
