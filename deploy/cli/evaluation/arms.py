"""Arms of a backtest on the terminal: run with a bar for each, and shown as a table a group of choices."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.progress_bars import work_bar
from deploy.cli.shown import Column, listing
from deploy.cli.terminal import Console

if TYPE_CHECKING:
    from inference.evaluation.intervals.interval import Interval
    from streams.backtest.arms import ArmGroup, ArmRun, BacktestArm

Seed = Annotated[int, typer.Option(help="Of the learner, of the shuffling and of the intervals.")]
ArmJobs = Annotated[int, typer.Option("--jobs", min=0, help="Arms that run at once; 0: one per core.")]
ARM_COLUMNS = (
    Column("arm"),
    Column("HR@10", right=True),
    Column("NDCG@10", right=True),
    Column("ms/event", right=True),
    Column("compared with"),
    Column("HR@10 more", right=True),
    Column("95 %", right=True),
)


def run_with_bars(arms: Mapping[str, BacktestArm], jobs: int) -> dict[str, ArmRun]:
    """Run the arms, at most `jobs` at once or one per core if that is 0, with progress on standard error."""
    from streams.backtest.arms import run_arms

    with work_bar(Console(stderr=True)) as report:
        return run_arms(arms, jobs=jobs or len(os.sched_getaffinity(0)), tell=report)


def show_groups(console: Console, groups: Iterable[ArmGroup]) -> None:
    """Print a table a group."""
    for group in groups:
        title = f"\n{group.group}: {group.choices:,}"
        console.print(listing(console, ARM_COLUMNS, _rows(group), title=title))


def _rows(group: ArmGroup) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for arm, own in group.arms.items():
        metrics: tuple[str, ...] = (arm, f"{own.hit_rate:.4f}", f"{own.gain:.4f}", f"{own.ms_per_event:.2f}")
        compared = [one for one in group.differences if one.of == arm]
        for one in compared:
            rows.append((*metrics, one.less, f"{one.hit_rate.value:+.4f}", interval_text(one.hit_rate)))
            metrics = ("", "", "", "")
        if not compared:
            rows.append((*metrics, "", "", ""))
    return rows


def interval_text(interval: Interval) -> str:
    """Return the ends of an interval, signed."""
    return f"{interval.low:+.4f} to {interval.high:+.4f}"
