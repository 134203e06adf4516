"""``lifelong backtest`` (alias ``replay``): evaluate lists on your log, each before its event is learned from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from msgspec import Struct

from deploy.cli.evaluation.replayed_log import compile_for, read_log
from deploy.cli.files import read_and_show
from deploy.cli.log_options import takes_log
from deploy.cli.outputs import JsonFile, check_writable
from deploy.cli.progress_bars import backtest_bar, work_bar
from deploy.cli.terminal import Console
from deploy.clients import wall_clock
from deploy.files.options import Typed
from deploy.settings import Settings, load_settings
from streams.backtest.config import BacktestConfig, EventLog

if TYPE_CHECKING:
    from inference.evaluation.baselines.evaluator import ChoiceRow
    from streams.backtest.ablations import Ablated
    from streams.backtest.baseline_runner import BaselineRun
    from streams.backtest.results import BacktestResults

Topic = Annotated[str, typer.Option("--from-topic", help="Instead of a file: a topic of the configured Kafka.")]
Repeats = Annotated[
    str, typer.Option(help="Whether lists may repeat consumed items: allow, forbid, learn; default: the setting.")
]
Report = Annotated[Path | None, typer.Option(help="Write a self-contained HTML report to this file.")]
Lists = Annotated[
    Path | None, typer.Option("--predictions", help="Write every evaluated list as Parquet to this file.")
]
Baselines = Annotated[str, typer.Option(help="Baselines beside the four simple ones: full, or comma-separated names.")]
Parts = Annotated[str, typer.Option("--ablate", help="Measure what each part adds: all, or comma-separated names.")]
Jobs = Annotated[int, typer.Option(min=0, help="Parallel processes for baselines and ablations; 0: one per core.")]
Seed = Annotated[int, typer.Option(help="Seed of the learner and of the bootstrap intervals.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    app.command("backtest")(backtest_log)
    app.command("replay", help="The same as backtest.")(backtest_log)


@takes_log()
def backtest_log(
    typed: Typed,
    topic: Topic = "",
    repeats: Repeats = "",
    report: Report = None,
    as_json: JsonFile = None,
    predictions: Lists = None,
    baselines: Baselines = "floors",
    ablate: Parts = "",
    jobs: Jobs = 0,
    seed: Seed = 0,
) -> None:
    """Replay a log through the production handlers, test-then-train, beside four simple baselines on the same rows."""
    check_writable(report, as_json, predictions)
    comparison = _comparison_options(baselines, ablate, jobs)
    settings = _with_repeats(load_settings(), repeats)
    log = _log(settings, topic, typed)
    results = _run(Console(stderr=True), log, settings, BacktestConfig(seed=seed), predictions, comparison)
    _write(results, report, as_json)


class ComparisonOptions(Struct, frozen=True):
    """What runs after the backtest itself, and in how many processes at once."""

    baselines: tuple[str, ...]
    parts: tuple[str, ...]
    jobs: int


def _comparison_options(baselines: str, ablate: str, jobs: int) -> ComparisonOptions:
    """Return the requested comparisons; refuse unknown names and missing packages before any file is read."""
    from inference.evaluation.ablation import chosen_parts
    from streams.backtest.baseline_runner import check_packages, named

    names = named(baselines)
    check_packages(names)
    return ComparisonOptions(names, chosen_parts(ablate), jobs or len(os.sched_getaffinity(0)))


def _log(settings: Settings, topic: str, typed: Typed) -> EventLog:
    from deploy.backtest_source import from_topic

    if (typed.events is None) == (not topic):
        raise typer.BadParameter("give a file of events, or --from-topic")
    if typed.events is not None:
        return read_log(typed)
    catalogue = read_and_show(typed)[1] if typed.items is not None else None
    return from_topic(settings, topic, catalogue, limit=typed.limit, now=wall_clock())


def _with_repeats(settings: Settings, repeats: str) -> Settings:
    if not repeats:
        return settings
    if repeats not in ("allow", "forbid", "learn"):
        raise typer.BadParameter(f"--repeats {repeats!r} is none of allow, forbid, learn")
    return settings.model_copy(update={"ranking": settings.ranking.model_copy(update={"repeats": repeats})})


def _run(
    console: Console,
    log: EventLog,
    settings: Settings,
    config: BacktestConfig,
    predictions: Path | None,
    comparison: ComparisonOptions,
) -> BacktestResults:
    """Run the backtest behind a progress bar and write evaluated lists on the way; then run the comparisons."""
    from deploy.wiring import make_system_config
    from streams.backtest.baselines_process import RecordedRows
    from streams.backtest.predictions import Predictions
    from streams.backtest.results import Comparisons, backtest_results
    from streams.backtest.run import backtest, make_baselines

    baselines = RecordedRows(make_baselines(log)) if comparison.baselines else None
    compile_for(log)
    with ExitStack() as stack:
        sink = stack.enter_context(Predictions(predictions)) if predictions else None
        bar = stack.enter_context(backtest_bar(console))
        task = bar.add_task("replaying", total=len(log.events), hit_rate=0.0, speed=0.0)
        run = backtest(
            log,
            make_system_config(settings),
            config,
            sink=sink,
            baselines=baselines,
            report=lambda at: bar.update(task, completed=at.done, hit_rate=at.hit_rate, speed=at.per_second),
        )
    baseline_runs = _baseline_runs(console, baselines.rows if baselines else [], comparison)
    ablations = _ablations(console, log, settings, config, comparison)
    return backtest_results(log, config, run, Comparisons(baseline_runs, ablations))


def _baseline_runs(
    console: Console, rows: Sequence[ChoiceRow], comparison: ComparisonOptions
) -> dict[str, BaselineRun]:
    """Run the baselines after the backtest, so that they do not slow it down."""
    if not comparison.baselines:
        return {}
    from streams.backtest.baseline_runner import run_baselines

    with work_bar(console) as report:
        return run_baselines(rows, comparison.baselines, jobs=comparison.jobs, tell=report)


def _ablations(
    console: Console, log: EventLog, settings: Settings, config: BacktestConfig, comparison: ComparisonOptions
) -> dict[str, Ablated]:
    """Run the backtest once without each requested part."""
    if not comparison.parts:
        return {}
    from deploy.wiring import make_system_config
    from streams.backtest.ablations import ablate

    with work_bar(console) as report:
        return ablate(log, make_system_config(settings), config, comparison.parts, jobs=comparison.jobs, tell=report)


def _write(results: BacktestResults, report: Path | None, as_json: Path | None) -> None:
    from deploy.reports.console import console_report

    Console().print(console_report(results))
    if report is not None:
        from deploy.reports.html import html_report

        report.write_text(html_report(results))
    if as_json is not None:
        as_json.write_bytes(msgspec.json.format(msgspec.json.encode(results)) + b"\n")
