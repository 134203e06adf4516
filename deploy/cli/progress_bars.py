"""The progress bars of ``lifelong backtest``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from deploy.cli.terminal import Console
from streams.backtest.process_pool import PoolProgress, ReportProgress


def backtest_bar(console: Console) -> Progress:
    """Return the bar of the replay itself: events, running HR@10, speed."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("HR@10 {task.fields[hit_rate]:.4f}"),
        TextColumn("{task.fields[speed]:.0f} events/s"),
        TimeRemainingColumn(),
        console=console,
    )


@contextmanager
def work_bar(console: Console) -> Iterator[ReportProgress]:
    """Show a bar per task from its first report on; a finished task leaves a line."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
        console=console,
    )
    with bar:
        yield _TaskBars(bar).report


class _TaskBars:
    """The tasks of a progress bar by name."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._tasks: dict[str, TaskID] = {}

    def report(self, step: PoolProgress) -> None:
        if step.name not in self._tasks:
            self._tasks[step.name] = self._bar.add_task(escape(step.name), total=step.total, note=step.note)
        self._bar.update(self._tasks[step.name], completed=step.done, note=step.note)
        if step.done == step.total:
            self._bar.console.print(f"{escape(step.name)}: {step.note}")
            self._bar.remove_task(self._tasks[step.name])
