"""``lifelong up``, ``down``, ``restart``, ``status`` and ``doctor``: the embedded stack from the command line."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Literal

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from deploy.cli.operations.logs import complete
from deploy.cli.shown import AsJson, Column, listing, origin, put_json
from deploy.cli.terminal import Console
from deploy.embedded import doctor, endpoints, milvus, status
from deploy.embedded.server import Download, StackError
from deploy.embedded.stack import NotHealthy, Stack
from deploy.settings import Settings, load_settings

STATUS_COLUMNS = (
    Column("name"),
    Column("state"),
    Column("restarts", right=True),
    Column("pid", right=True),
    Column("up", right=True),
    Column("memory", right=True),
    Column("where"),
)
FINAL_STATES = {"healthy": "[green]✓[/]", "degraded": "[yellow]![/]"}
CHECK_MARKS = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "problem": "[red]✗[/]"}


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    app.command()(up)
    app.command()(down)
    app.command("restart")(restart)
    app.command("status")(show_status)
    app.command("doctor")(show_doctor)


def up(
    servers_only: Annotated[bool, typer.Option(help="Start only the servers, none of the processes.")] = False,
    quiet: Annotated[bool, typer.Option(help="Print only problems.")] = False,
    engine: Annotated[
        Literal["python", "flink"] | None,
        typer.Option(help="What handles users and item statistics; by default the engine of the last start."),
    ] = None,
) -> None:
    """Start Kafka, Redis, Milvus and Triton here, then worker, statistics, trainer, projector and gateway.

    With `--engine flink`, a JobManager and a TaskManager of Apache Flink too, with the jobs of users and of item
    statistics.
    """
    console = Console(quiet=quiet)
    stack = Stack(endpoints.with_engine(_settings(), engine))
    _announce(console, stack.downloads())
    began = time.monotonic()
    try:
        with _Progress(console) as progress:
            started = stack.up(progress.report, programs=not servers_only)
    except StackError as exc:
        _explain(stack, exc)
        raise typer.Exit(1) from exc
    console.print(_done(started, stack, time.monotonic() - began))
    errors = Console(stderr=True, highlight=False)
    for name, problem in stack.degraded.items():
        errors.print(
            f"[yellow]![/] {name} does not work, everything else runs without it: {escape(problem)}", soft_wrap=True
        )
        errors.print(
            f"    → `lifelong logs {name}`; the data of {name} are in {stack.layout.data(name)}", soft_wrap=True
        )
    if any(server.name == "milvus" for server in stack.embedded()) and milvus.is_exposed(stack.base.embedded):
        console.print(f"[yellow]![/] {escape(milvus.EXPOSED)}.")
    if not servers_only:
        _show_gateway(console, stack.settings())


def _done(started: Sequence[str], stack: Stack, seconds: float) -> str:
    if not started:
        return "Everything is running already; nothing was changed."
    degraded = f", degraded: without {', '.join(stack.degraded)}" if stack.degraded else ""
    return f"Started {', '.join(started)} in {seconds:.0f} s{degraded}."


def down() -> None:
    """Stop everything that `up` started, and leave no process behind."""
    stack = Stack(_settings())
    stopped = stack.down()
    nothing = f"Nothing is running in {escape(str(stack.layout.data_dir))}."
    Console(highlight=False).print(f"Stopped {', '.join(stopped)}." if stopped else nothing, soft_wrap=True)


def restart(
    names: Annotated[
        list[str],
        typer.Argument(
            help="Servers or processes, as `status` shows them.", metavar="NAME...", autocompletion=complete
        ),
    ],
) -> None:
    """Restart servers or processes with the current settings; wait until each is healthy."""
    console, stack = Console(highlight=False), Stack(_settings())
    for name in names:
        began = time.monotonic()
        try:
            stack.restart(name, lambda name, state: None)
        except NotHealthy as exc:
            _explain(stack, exc, undone=False)
            raise typer.Exit(1) from exc
        if name in stack.degraded:
            raise StackError(f"{name} was started and does not work: {stack.degraded[name]}")
        console.print(f"Restarted {name} in {time.monotonic() - began:.0f} s.")


def show_status(
    as_json: AsJson = False,
) -> None:
    """Show every server and process: state, health, restarts, pid, memory and address."""
    stack = Stack(_settings())
    rows = stack.status()
    if as_json:
        content = {"data_dir": str(stack.layout.data_dir), "servers": [_as_dict(row) for row in rows]}
        put_json(content | {"gateway": _gateway(stack.settings()), "application": _application(stack)})
        return
    console = Console(highlight=False)
    console.print(_table(console, rows))
    for line in _open_to(rows):
        console.print(line)
    console.print(f"Data: {escape(str(stack.layout.data_dir))}  Logs: `lifelong logs NAME`", soft_wrap=True)
    if login := _application(stack):
        console.print(
            f"Applications log in to Kafka as {escape(login['sasl_username'])}, password {login['sasl_password']}, "
            f"with consumer groups {login['group_prefix']}…: {escape(str(stack.layout.application_file))}",
            soft_wrap=True,
        )
    if any(row.name == "gateway" and row.pid for row in rows):
        _show_gateway(console, stack.settings())


def show_doctor(as_json: AsJson = False) -> None:
    """Check this machine and this installation; say how to fix problems."""
    checks = doctor.examine(_settings())
    if as_json:
        put_json(checks)
    else:
        _show_checks(Console(highlight=False), checks)
    if any(check.level == "problem" for check in checks):
        raise typer.Exit(1)


def _show_checks(console: Console, checks: Sequence[doctor.Check]) -> None:
    for check in checks:
        console.print(f"{CHECK_MARKS[check.level]} [bold]{check.name}[/]: {escape(check.says)}")
        if check.do:
            console.print(f"    → {escape(check.do)}")


class _Progress:
    """A live table on a terminal, plain lines elsewhere. ``report`` may be called from several threads."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self._last: dict[str, tuple[str, float]] = {}
        live = console.is_terminal and not console.quiet
        self._live = Live(console=console, get_renderable=self._table, refresh_per_second=4) if live else None

    def __enter__(self) -> _Progress:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._live:
            self._live.stop()

    def report(self, name: str, state: str) -> None:
        """Show that ``name`` enters ``state`` now."""
        seconds = time.monotonic() - self._began
        self._last[name] = (state, seconds)
        if not self._live:
            self._console.print(f"{name:<14} {state:<10} {seconds:5.1f} s", highlight=False)

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        now = time.monotonic() - self._began
        for name, (state, since) in self._last.copy().items():
            done = state in FINAL_STATES
            table.add_row(FINAL_STATES.get(state, "…"), name, state, f"{since if done else now:5.1f} s")
        return table


def _settings() -> Settings:
    return load_settings(with_endpoints=False)


def _announce(console: Console, downloads: Sequence[Download]) -> None:
    if not downloads:
        return
    console.print("Fetched or unpacked once, into the cache:")
    for download in downloads:
        console.print(f"  {download.what}: about {download.megabytes:,} MB", highlight=False)


def _explain(stack: Stack, exc: StackError, *, undone: bool = True) -> None:
    errors = Console(stderr=True, highlight=False)
    errors.print(f"[red]✗[/] {escape(str(exc))} (read: {escape(origin())})", soft_wrap=True)
    if isinstance(exc, NotHealthy):
        errors.print(f"The end of {stack.layout.log(exc.name)}:")
        errors.print(stack.log_tail(exc.name), markup=False, soft_wrap=True)
    if undone:
        errors.print("Everything started has been stopped again; `lifelong doctor` may find the cause.")


def _as_dict(row: status.StatusRow) -> dict[str, object]:
    return asdict(row) | {"healthy": row.healthy}


def _table(console: Console, rows: Sequence[status.StatusRow]) -> RenderableType:
    """Return servers and processes as a table, with problems below it, where they have room."""
    lines, problems = [], []
    for row in rows:
        if row.problem and (row.pid or row.state in ("external", "failed", "starting")):
            problems.append(f"[red]✗[/] {row.name}: {escape(row.problem)}")
        if row.last_end:
            problems.append(f"[yellow]![/] {row.name} ended by itself {_times(row.restarts)} {escape(row.last_end)}")
        lines.append(_line(row))
    return Group(listing(console, STATUS_COLUMNS, lines), *(Text.from_markup(line) for line in problems))


def _open_to(rows: Sequence[status.StatusRow]) -> list[str]:
    """Return who reaches what runs, a line for each kind of access."""
    reach: dict[str, list[str]] = {}
    for row in rows:
        if row.pid and row.open_to:
            reach.setdefault(row.open_to, []).append(row.name)
    return [f"Open to {who}: {', '.join(names)}" for who, names in reach.items()]


def _line(row: status.StatusRow) -> tuple[str, ...]:
    memory, pid = (f"{row.memory_mb} MB", str(row.pid)) if row.pid else ("-", "-")
    restarts = f"[yellow]{row.restarts}[/]" if row.restarts else "0" if row.pid else "-"
    where = escape(row.endpoint.removeprefix("http://"))
    return (row.name, _state(row), restarts, pid, _duration(row.uptime_seconds), memory, where)


def _times(count: int) -> str:
    """Return how often something happened, as words before the last time.

    >>> _times(1), _times(3)
    ('once,', '3 times, last')
    """
    return "once," if count == 1 else f"{count} times, last"


def _state(row: status.StatusRow) -> str:
    """Return state and health in a word: a process may run and yet not answer."""
    if row.pid or row.state == "external":
        healthy = "external" if row.state == "external" else "healthy"
        return f"[green]{healthy}[/]" if row.healthy else "[red]unhealthy[/]"
    return f"[red]{row.state}[/]" if row.state == "failed" else row.state


def _duration(seconds: float) -> str:
    """Return seconds as a short duration.

    >>> _duration(0), _duration(59), _duration(3_700)
    ('-', '59s', '1h01m')
    """
    if seconds < 1:
        return "-"
    minutes, remaining = divmod(int(seconds), 60)
    return (
        f"{minutes // 60}h{minutes % 60:02}m"
        if minutes >= 60
        else f"{minutes}m{remaining:02}s"
        if minutes
        else f"{remaining}s"
    )


def _gateway(settings: Settings) -> dict[str, object]:
    keys = [key.get_secret_value() for key in settings.gateway.api_keys]
    return {"url": settings.gateway.url, "api_keys": keys}


def _application(stack: Stack) -> dict[str, str]:
    """Return address and login of the embedded broker for applications; empty before the first `up`, or without it."""
    return endpoints.read(stack.layout.application_file).get("kafka", {})


def _show_gateway(console: Console, settings: Settings) -> None:
    if not settings.gateway.port:
        return
    keys = ", ".join(key.get_secret_value() for key in settings.gateway.api_keys)
    console.print(f"Gateway: {settings.gateway.url}  API key: {keys}", highlight=False, markup=False)
