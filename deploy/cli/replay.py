"""``lifelong replay``: how good the lists would have been on a log of yours, without peeking."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from deploy.clients import wall_clock
from deploy.settings import Settings, load_settings


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    app.command("replay")(replay_log)


def replay_log(
    events: Annotated[Path | None, typer.Argument(help="CSV, TSV, JSON lines or Parquet.")] = None,
    items: Annotated[Path | None, typer.Option(help="A catalogue: titles, categories.")] = None,
    columns: Annotated[str, typer.Option("--map", help="Whose column is which: user=…,item=…,time=…,value=…")] = "",
    limit: Annotated[int | None, typer.Option(help="Only the first so many rows, in event-time order.")] = None,
    repeats: Annotated[
        str | None, typer.Option(help="May consumed items come again: allow, forbid or learn (the setting's).")
    ] = None,
    as_json: Annotated[Path | None, typer.Option("--json", help="Write all numbers here.")] = None,
    predictions: Annotated[Path | None, typer.Option(help="Write every judged list here, as Parquet.")] = None,
    seed: Annotated[int, typer.Option(help="Of the learner and of the intervals.")] = 0,
) -> None:
    """Replay a log through the handlers of production, test-then-train, with four floors on the same rows."""
    from deploy.replay.board import board
    from deploy.replay.plan import Plan
    from deploy.replay.predictions import Predictions
    from deploy.replay.results import results
    from deploy.replay.run import replay
    from deploy.replay.source import from_file

    console, plan = Console(), Plan(seed=seed)
    settings = _with_repeats(load_settings(), repeats)
    if events is None:
        raise typer.BadParameter("say which file holds the events")
    log = from_file(events, items, columns, limit=limit, now=wall_clock())
    with ExitStack() as stack:
        sink = stack.enter_context(Predictions(predictions)) if predictions else None
        bar = stack.enter_context(_bar(console))
        task = bar.add_task("replaying", total=len(log.events), hit_rate=0.0, speed=0.0)
        played = replay(
            log,
            settings,
            plan,
            sink=sink,
            report=lambda at: bar.update(task, completed=at.done, hit_rate=at.hit_rate, speed=at.per_second),
        )
    found = results(log, plan, played)
    console.print(board(found))
    if as_json is not None:
        as_json.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")


def _with_repeats(settings: Settings, repeats: str | None) -> Settings:
    if repeats is None:
        return settings
    if repeats not in ("allow", "forbid", "learn"):
        raise typer.BadParameter(f"--repeats {repeats!r} is none of allow, forbid, learn")
    return settings.model_copy(update={"ranking": settings.ranking.model_copy(update={"repeats": repeats})})


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("HR@10 {task.fields[hit_rate]:.4f}"),
        TextColumn("{task.fields[speed]:.0f} events/s"),
        TimeRemainingColumn(),
        console=console,
    )
