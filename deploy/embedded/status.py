"""What ``lifelong status`` shows: one row per server and program."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

from deploy.embedded import processes
from deploy.embedded.layout import DataLayout
from deploy.embedded.programs import OWN, Own
from deploy.embedded.restarts import Ends, read_ends
from deploy.embedded.server import EmbeddedServer
from deploy.embedded.supervisor import State
from deploy.settings import Settings

Condition = Literal["running", "starting", "stopped", "failed", "external"]
CONDITIONS: Mapping[str, Condition] = {
    "RUNNING": "running",
    "STARTING": "starting",
    "BACKOFF": "starting",
    "FATAL": "failed",
    "EXITED": "failed",
    "UNKNOWN": "failed",
}


@dataclass(frozen=True)
class StatusRow:
    """One server or program. ``problem`` is empty when it is healthy; ``pid`` is 0 when no process of ours runs.

    ``restarts`` is how often it ended by itself since the supervisor began, ``last_end`` when and how it did last.
    """

    name: str
    state: Condition
    pid: int
    uptime_seconds: float
    endpoint: str
    problem: str
    memory_mb: int
    log: str
    restarts: int = 0
    last_end: str = ""

    @property
    def healthy(self) -> bool:
        return not self.problem


def rows(
    servers: tuple[EmbeddedServer, ...],
    given: Settings,
    settings: Settings,
    states: Mapping[str, State],
    layout: DataLayout,
) -> list[StatusRow]:
    """Every server and program, asked side by side; blocks for about 3 s at most."""
    ends = read_ends(layout) if states else {}
    with ThreadPoolExecutor(len(servers) + len(OWN)) as pool:
        ours = pool.map(lambda own: program_row(own, settings, states.get(own.name), layout), OWN)
        theirs = pool.map(lambda each: server_row(each, given, settings, states.get(each.name), layout), servers)
        return [_with_ends(row, ends.get(row.name, Ends())) for row in (*theirs, *ours)]


def _with_ends(row: StatusRow, ends: Ends) -> StatusRow:
    last = f"{ends.last_at}, {ends.last_how}" if ends.count else ""
    return replace(row, restarts=ends.count, last_end=last)


def server_row(
    server: EmbeddedServer, given: Settings, settings: Settings, state: State | None, layout: DataLayout
) -> StatusRow:
    """The row of a server; one that the user has given is external and only asked for its health."""
    endpoint = server.endpoint(settings)
    if server.given(given):
        return StatusRow(server.name, "external", 0, 0.0, endpoint, server.problem(settings), 0, "")
    problem = server.problem(settings) if state and state.pid else "not running"
    return _row(server.name, state, endpoint, problem, layout)


def program_row(own: Own, settings: Settings, state: State | None, layout: DataLayout) -> StatusRow:
    """The row of a program of ours."""
    port = port_of(own.name, settings)
    problem = own.problem(port) if state and state.pid else "not running"
    return _row(own.name, state, own.url(port) if port else "", problem, layout)


def port_of(name: str, settings: Settings) -> int:
    """The HTTP port of one of our programs; 0 if none was chosen yet."""
    ports = {
        "worker": settings.worker.metrics_port,
        "statistics": settings.statistics.metrics_port,
        "trainer": settings.trainer.metrics_port,
        "projector": settings.projector.metrics_port,
        "gateway": settings.gateway.port,
    }
    return ports[name]


def _row(name: str, state: State | None, endpoint: str, problem: str, layout: DataLayout) -> StatusRow:
    log = str(layout.log(name))
    if state is None or not state.pid:
        condition = CONDITIONS.get(state.state, "stopped") if state else "stopped"
        return StatusRow(name, condition, 0, 0.0, endpoint, problem, 0, log)
    condition = CONDITIONS.get(state.state, "stopped")
    return StatusRow(name, condition, state.pid, state.since, endpoint, problem, processes.memory_mb(state.pid), log)
