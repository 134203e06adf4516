"""The report of the HTTP measurement."""

from __future__ import annotations

from msgspec import Struct
from rich.console import Group, RenderableType
from rich.text import Text

from deploy.bench.http.requests import Method, RequestFigures
from deploy.bench.measure.machine import Machine
from deploy.bench.report.tables import number, table

COLUMNS = ("request", "connections", "requests/s", "p50 ms", "p99 ms", "slowest ms", "errors")
MORE_COLUMNS = ("request", "connections", "gateway cores", "load cores", "backlog s", "events p50 ms", "p99 ms", "lost")


class HttpPlan(Struct, frozen=True, kw_only=True):
    """The settings of the measurement; `while_rate` events per second are sent to Kafka meanwhile."""

    connections: tuple[int, ...] = (1, 8, 64)
    seconds: float = 15.0
    while_rate: float = 0.0
    users: int = 2_000
    items: int = 2_000


class HttpPhase(Struct, frozen=True, kw_only=True):
    """One method at one number of connections.

    `gateway_cores` is none where the gateway does not run on this machine. `backlog_seconds`: from the last answer to a
    POST until workers have committed all events. `events_p50_ms`, `events_p99_ms`: from the intended send of the events
    beside it to their lists; `events_lost` of them got none.
    """

    method: Method
    connections: int
    requests: RequestFigures
    gateway_cores: float | None
    backlog_seconds: float | None
    events_p50_ms: float | None
    events_p99_ms: float | None
    events_lost: int


class HttpReport(Struct, frozen=True, kw_only=True):
    """All phases, and the machine meanwhile."""

    plan: HttpPlan
    phases: tuple[HttpPhase, ...]
    machine: Machine


def show_http(report: HttpReport) -> RenderableType:
    """Return the report as a table."""
    machine = report.machine
    beside = f", beside {report.plan.while_rate:g} events/s" if report.plan.while_rate else ""
    return Group(
        table(f"HTTP, {report.plan.seconds:g} s each{beside}", COLUMNS, map(_row, report.phases)),
        table("what it took, and events beside it", MORE_COLUMNS, map(_row_beside, report.phases)),
        Text(
            f"machine: {machine.cores} cores, {machine.processor}; busy {machine.busy_cores:.2f} cores, "
            f"stolen {machine.steal_cores:.2f}"
        ),
    )


def _row(phase: HttpPhase) -> tuple[str, ...]:
    seen = phase.requests
    errors = "0" if not seen.errors else ", ".join(f"{s} {n}" for s, n in seen.statuses.items() if s[0] != "2")
    return (
        *(phase.method, str(phase.connections), f"{seen.requests_per_second:.0f}"),
        *(number(seen.p50_ms), number(seen.p99_ms), number(seen.max_ms), errors),
    )


def _row_beside(phase: HttpPhase) -> tuple[str, ...]:
    return (
        *(phase.method, str(phase.connections), number(phase.gateway_cores, ".2f")),
        *(f"{phase.requests.client_cores:.2f}", number(phase.backlog_seconds)),
        *(number(phase.events_p50_ms), number(phase.events_p99_ms), str(phase.events_lost)),
    )
