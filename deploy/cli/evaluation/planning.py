"""The command ``lifelong evaluate planning``: whether re-planning pays on your log."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import RenderableType

from deploy.cli.evaluation.replayed_log import compile_for, read_log
from deploy.cli.log_options import takes_log
from deploy.cli.progress_bars import work_bar
from deploy.cli.shown import AsJson, Column, listing, put_json
from deploy.cli.terminal import Console
from deploy.files.options import Typed
from deploy.settings import load_settings
from inference.evaluation.intervals.interval import Interval

if TYPE_CHECKING:
    from streams.replanning.results import Group, ReplanningResults

PlanningJobs = Annotated[int, typer.Option("--jobs", min=0, help="Parallel replays, of two; 0: one per core.")]
PlanningSeed = Annotated[
    int, typer.Option("--seed", help="Of the model, the random times, the swapped plans and the intervals.")
]
PLANNING_COLUMNS = (
    Column("after re-planning because of"),
    Column("choices of users", right=True),
    Column("HR@10", right=True),
    Column("against"),
    Column("lists changed", right=True),
    Column("ΔHR@10", right=True),
    Column("95 %"),
    Column("ΔNDCG@10", right=True),
    Column("95 %"),
)


@takes_log(required=True)
def planning(
    typed: Typed,
    jobs: PlanningJobs = 0,
    seed: PlanningSeed = 0,
    as_json: AsJson = False,
) -> None:
    """Replay a log, and rank each choice by other plans too: none, a static one, made at random times, others' plans.

    The same candidate sources and the same weights rank all of them. A second replay learns and ranks without plans.
    """
    results = _replayed(typed, seed, jobs or len(os.sched_getaffinity(0)))
    if as_json:
        put_json(results)
        return
    console = Console()
    console.print(_planning_table(console, results))
    for line in _conclusions(results):
        console.print(line, highlight=False)


def _replayed(typed: Typed, seed: int, jobs: int) -> ReplanningResults:
    from deploy.wiring import make_system_config
    from streams.backtest.config import BacktestConfig
    from streams.replanning.results import replanning_results
    from streams.replanning.run import compare_plans

    log = read_log(typed)
    config = BacktestConfig(seed=seed)
    compile_for(log)
    with work_bar(Console(stderr=True)) as report:
        run = compare_plans(log, make_system_config(load_settings()), config, jobs=jobs, tell=report)
    return replanning_results(run, config)


def _planning_table(console: Console, results: ReplanningResults) -> RenderableType:
    """Return a block of rows per group: what production's plans gain on each arm."""
    rows = [row for group in (results.whole, *results.groups) for row in _group_rows(group)]
    title = "What re-planning on triggers gains over the next 20 choices of a user; same candidates, same weights"
    return listing(console, PLANNING_COLUMNS, rows, title=title)


def _group_rows(group: Group) -> Iterator[tuple[str, ...]]:
    sizes = f"{group.choices:,} of {group.users:,}"
    head = (f"[bold]{group.name}[/] ({group.replannings:,})", sizes, f"{group.hit_rate:.4f}")
    blocks = [(gain.against, gain) for gain in group.gains]
    blocks += [(f"{gain.against}, beyond controls", gain) for gain in group.beyond_controls]
    for against, gain in blocks:
        changed = "" if gain.lists_changed is None else f"{gain.lists_changed:.1%}"
        yield (*head, against, changed, *_difference(gain.hit_rate), *_difference(gain.gain))
        head = ("", "", "")


def _difference(interval: Interval) -> tuple[str, str]:
    return f"{interval.value:+.4f}", f"{interval.low:+.4f} to {interval.high:+.4f}"


def _conclusions(results: ReplanningResults) -> Sequence[str]:
    reasons = ", ".join(f"{count:,} {name}" for name, count in sorted(results.replannings.items()))
    planned = sum(results.replannings.values())
    better = [group.name for group in results.groups if group.beats_placebos]
    worse = [f"{group.name} ({', '.join(group.loses)})" for group in results.groups if group.loses]
    return (
        f"Re-plannings: {planned:,} ({reasons or 'none'}); at random times {results.random:,}.",
        f"Planning takes {results.planning_ms_per_event:.3f} ms of processor time per event.",
        f"Better than random times and others' plans at the lower bounds: {'; '.join(better) or 'nowhere'}.",
        f"Worse than an arm at the upper bound: {'; '.join(worse) or 'nowhere'}.",
    )
