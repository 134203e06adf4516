"""The rows of ``lifelong status``: one per server and process."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

from deploy.embedded import processes
from deploy.embedded.interfaces import is_loopback
from deploy.embedded.layout import DataLayout
from deploy.embedded.programs import OwnProcess, own_processes
from deploy.embedded.restarts import Ends, read_ends
from deploy.embedded.server import EmbeddedServer
from deploy.embedded.supervisor import State
from deploy.settings import Settings
from deploy.settings.ports import process_ports

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
    """A server or process. ``problem`` is empty when it is healthy; ``pid`` is 0 when it does not run here.

    ``restarts`` is how often it ended by itself since the supervisor started, ``last_end`` when and how it last did.
    ``open_to`` says who reaches it, and with what credential; empty of an external one.
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
    open_to: str = ""

    @property
    def healthy(self) -> bool:
        return not self.problem


def rows(
    servers: tuple[EmbeddedServer, ...],
    base: Settings,
    settings: Settings,
    states: Mapping[str, State],
    layout: DataLayout,
) -> list[StatusRow]:
    """Return the row of every server and process, checked in parallel; block for about 3 s at most."""
    ends = read_ends(layout) if states else {}
    processes = own_processes(base)
    with ThreadPoolExecutor(len(servers) + len(processes)) as pool:
        process_rows = pool.map(lambda own: program_row(own, settings, states.get(own.name), layout), processes)
        server_rows = pool.map(
            lambda server: server_row(server, base, settings, states.get(server.name), layout), servers
        )
        return [_with_ends(row, ends.get(row.name, Ends())) for row in (*server_rows, *process_rows)]


def _with_ends(row: StatusRow, ends: Ends) -> StatusRow:
    last = f"{ends.last_at}, {ends.last_how}" if ends.count else ""
    return replace(row, restarts=ends.count, last_end=last)


def server_row(
    server: EmbeddedServer, base: Settings, settings: Settings, state: State | None, layout: DataLayout
) -> StatusRow:
    """Return the row of a server; of an external one only the health is checked."""
    endpoint = server.endpoint(settings)
    if server.is_external(base):
        return StatusRow(server.name, "external", 0, 0.0, endpoint, server.problem(settings), 0, "")
    problem = server.problem(settings) if state and state.pid else "not running"
    return replace(_row(server.name, state, endpoint, problem, layout), open_to=server.open_to(base.embedded))


def program_row(own: OwnProcess, settings: Settings, state: State | None, layout: DataLayout) -> StatusRow:
    """Return the row of a process of Lifelong."""
    own = own.under(settings)
    port = process_ports(settings)[own.name]
    problem = own.problem(port) if state and state.pid else "not running"
    row = _row(own.name, state, own.url(port) if port else "", problem, layout)
    return replace(row, open_to=_open_to(own.name, settings))


def _open_to(name: str, settings: Settings) -> str:
    """Return who reaches a process of Lifelong: the gateway by key, the others' metrics from this machine."""
    if name != "gateway":
        return "this machine, metrics alone"
    return f"{'this machine' if is_loopback(settings.gateway.host) else 'network'}, by API key"


def _row(name: str, state: State | None, endpoint: str, problem: str, layout: DataLayout) -> StatusRow:
    log = str(layout.log(name))
    if state is None or not state.pid:
        condition = CONDITIONS.get(state.state, "stopped") if state else "stopped"
        return StatusRow(name, condition, 0, 0.0, endpoint, problem, 0, log)
    condition = CONDITIONS.get(state.state, "stopped")
    return StatusRow(name, condition, state.pid, state.since, endpoint, problem, processes.memory_mb(state.pid), log)
