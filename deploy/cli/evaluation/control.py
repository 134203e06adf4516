"""The command ``lifelong evaluate control``: whether lists follow what users say, on your log."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import RenderableType

from deploy.cli.evaluation.replayed_log import read_log
from deploy.cli.log_options import takes_log
from deploy.cli.outputs import JsonFile, check_writable
from deploy.cli.progress_bars import work_bar
from deploy.cli.shown import Column, listing
from deploy.cli.terminal import Console
from deploy.files.options import Typed
from deploy.settings import load_settings

if TYPE_CHECKING:
    from streams.steering.results import SteeringResult

Begin = Annotated[float, typer.Option(min=0.01, max=0.99, help="Users speak after this share of the events.")]
Jobs = Annotated[int, typer.Option(min=0, help="Parallel processes for the statements; 0: one per core.")]
Seed = Annotated[int, typer.Option(help="Seed of the model and of the bootstrap intervals.")]


@takes_log(required=True)
def control(
    typed: Typed,
    begin: Begin = 0.5,
    jobs: Jobs = 0,
    seed: Seed = 0,
    as_json: JsonFile = None,
) -> None:
    """Replay a log in which users state something in words, and measure how their lists follow it.

    Each user refuses, wants less of, wants more of, or wants alone the category that their list has most of. Exits with
    1 if a later list violates "no" or "only", or if "less" leaves more than a third in the 20 lists that follow.
    """
    from deploy.wiring import make_system_config
    from streams.steering.results import steering_results
    from streams.steering.run import SteeringPlan, run_steerings

    check_writable(as_json)
    plan, log = SteeringPlan(begin=begin, seed=seed), read_log(typed)
    with work_bar(Console(stderr=True)) as report:
        system = make_system_config(load_settings())
        run = run_steerings(log, system, plan, jobs=jobs or len(os.sched_getaffinity(0)), tell=report)
    results = steering_results(run, plan)
    console = Console()
    console.print(_table(console, results))
    if as_json is not None:
        as_json.write_bytes(msgspec.json.format(msgspec.json.encode(results)) + b"\n")
    if not all(result.holds for result in results):
        raise typer.Exit(1)


def _table(console: Console, results: Sequence[SteeringResult]) -> RenderableType:
    """Return a row per statement, below a row of the same lists where nothing is said."""
    spans = ("1st list", "2nd to 5th", "6th to 20th", "later")
    columns = (
        Column("said of the category", prose=True),
        *(Column(f"share in {span}", right=True) for span in spans),
        Column("kept of it", right=True),
        Column("violations", right=True),
        Column("HR@10", right=True),
        Column("promise"),
    )
    first = results[0]
    nothing = ("nothing", *map(_share, first.unsteered), "", "", f"{first.hit_rate:.4f}", "")
    rows = [nothing, *map(_row, results)]
    title = f"What {first.users:,} users see of a category after they have said something of it, {first.lists:,} lists"
    return listing(console, columns, rows, title=title)


def _row(result: SteeringResult) -> tuple[str, ...]:
    cost = f"{result.cost.value:+.4f} \\[{result.cost.low:+.4f}, {result.cost.high:+.4f}]"
    is_bounded = result.exactly is not None or result.most is not None
    violations = "" if result.exactly is None else f"{result.violations:,}"
    promise = "" if not is_bounded else "[green]held[/]" if result.holds else "[red]not held[/]"
    return (result.name, *map(_share, result.shares), f"{result.kept:.0%}", violations, cost, promise)


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
