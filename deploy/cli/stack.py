"""``lifelong up``, ``down``, ``status`` and ``doctor``: the embedded stack from the command line."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from deploy.embedded import doctor, milvus, status
from deploy.embedded.server import Download, StackError
from deploy.embedded.stack import NotWell, Stack
from deploy.settings import Settings, SettingsError, load_settings

MARKS = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "problem": "[red]✗[/]"}


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    app.command()(up)
    app.command()(down)
    app.command("status")(show_status)
    app.command("doctor")(show_doctor)


def up(
    servers_only: Annotated[bool, typer.Option(help="Start the servers, not our own programs.")] = False,
    quiet: Annotated[bool, typer.Option(help="Say only what went wrong.")] = False,
) -> None:
    """Start Kafka, Redis, Milvus and Triton here, then worker, statistics, trainer, projector and gateway."""
    console = Console(quiet=quiet)
    given = _given()
    stack = Stack(given)
    _announce(console, stack.downloads())
    began = time.monotonic()
    try:
        with _Progress(console) as progress:
            started = stack.up(progress.report, programs=not servers_only)
    except StackError as exc:
        _explain(stack, exc)
        raise typer.Exit(1) from exc
    if not started:
        console.print("Everything runs already; nothing was changed.")
    else:
        console.print(f"Started {', '.join(started)} in {time.monotonic() - began:.0f} s.")
    if any(server.name == "milvus" for server in stack.embedded()):
        console.print(f"[yellow]![/] {escape(milvus.OPEN_TO_ALL)}.")
    if not servers_only:
        _show_door(console, stack.settings())


def down() -> None:
    """Stop everything that `up` started, and leave no process."""
    console = Console()
    try:
        stopped = Stack(_given()).down()
    except StackError as exc:
        Console(stderr=True).print(f"[red]✗[/] {escape(str(exc))}")
        raise typer.Exit(1) from exc
    console.print(f"Stopped {', '.join(stopped)}." if stopped else "Nothing is running.")


def show_status(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False,
) -> None:
    """Show every server and program: state, health, where it is, memory, log."""
    stack = Stack(_given())
    rows = stack.status()
    if as_json:
        content = {"data_dir": str(stack.layout.data_dir), "servers": [_as_dict(row) for row in rows]}
        typer.echo(json.dumps(content | {"gateway": _door(stack.settings())}, indent=2))
        return
    console = Console()
    console.print(_table(rows))
    console.print(f"Logs: {stack.layout.logs}/<name>.log", highlight=False, soft_wrap=True)
    if any(row.name == "gateway" and row.pid for row in rows):
        _show_door(console, stack.settings())


def show_doctor() -> None:
    """Check this machine and this installation; says what to do about what is wrong."""
    console = Console()
    checks = doctor.examine(_given())
    for check in checks:
        console.print(f"{MARKS[check.level]} [bold]{check.name}[/]: {escape(check.says)}", highlight=False)
        if check.do:
            console.print(f"    → {escape(check.do)}", highlight=False)
    if any(check.level == "problem" for check in checks):
        raise typer.Exit(1)


class _Progress:
    """A live table on a terminal, plain lines elsewhere; ``report`` may be called from several threads."""

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

    def report(self, name: str, what: str) -> None:
        """Show that ``what`` happens to ``name`` now."""
        seconds = time.monotonic() - self._began
        self._last[name] = (what, seconds)
        if not self._live:
            self._console.print(f"{name:<14} {what:<10} {seconds:5.1f} s", highlight=False)

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        now = time.monotonic() - self._began
        for name, (what, since) in self._last.copy().items():
            done = what == "healthy"
            table.add_row("[green]✓[/]" if done else "…", name, what, f"{since if done else now:5.1f} s")
        return table


def _given() -> Settings:
    try:
        return load_settings(with_endpoints=False)
    except SettingsError as exc:
        Console(stderr=True).print(f"[red]✗[/] {escape(str(exc))}", highlight=False)
        raise typer.Exit(1) from exc


def _announce(console: Console, downloads: Sequence[Download]) -> None:
    if not downloads:
        return
    console.print("Fetched or unpacked once, into the cache:")
    for download in downloads:
        console.print(f"  {download.what}: about {download.megabytes:,} MB", highlight=False)


def _explain(stack: Stack, exc: StackError) -> None:
    errors = Console(stderr=True, highlight=False)
    errors.print(f"[red]✗[/] {escape(str(exc))}")
    if isinstance(exc, NotWell):
        errors.print(f"The end of {stack.layout.log(exc.name)}:")
        errors.print(stack.log_tail(exc.name), markup=False, soft_wrap=True)
    errors.print("What was started has been stopped again; `lifelong doctor` may know more.")


def _as_dict(row: status.Row) -> dict[str, object]:
    return asdict(row) | {"healthy": row.healthy}


def _table(rows: Sequence[status.Row]) -> Table:
    table = Table("name", "state", "health", "pid", "up", "memory", "where", box=None)
    for row in rows:
        health = "[green]healthy[/]" if row.healthy else f"[red]{escape(row.problem)}[/]" if row.pid else "-"
        if row.state == "external" and not row.healthy:
            health = f"[red]{escape(row.problem)}[/]"
        memory, pid = (f"{row.memory_mb} MB", str(row.pid)) if row.pid else ("-", "-")
        table.add_row(row.name, row.state, health, pid, _duration(row.uptime_seconds), memory, row.endpoint)
    return table


def _duration(seconds: float) -> str:
    """Seconds as people read them.

    >>> _duration(0), _duration(59), _duration(3_700)
    ('-', '59s', '1h01m')
    """
    if seconds < 1:
        return "-"
    minutes, rest = divmod(int(seconds), 60)
    return (
        f"{minutes // 60}h{minutes % 60:02}m" if minutes >= 60 else f"{minutes}m{rest:02}s" if minutes else f"{rest}s"
    )


def _door(settings: Settings) -> dict[str, object]:
    keys = [key.get_secret_value() for key in settings.gateway.api_keys]
    return {"url": f"http://{settings.gateway.host}:{settings.gateway.port}", "api_keys": keys}


def _show_door(console: Console, settings: Settings) -> None:
    if not settings.gateway.port:
        return
    keys = ", ".join(key.get_secret_value() for key in settings.gateway.api_keys)
    console.print(f"Gateway: http://{settings.gateway.host}:{settings.gateway.port}  API key: {keys}", highlight=False)
