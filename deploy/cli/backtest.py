"""``lifelong backtest``, or ``backtest``: how good the lists would have been on a log of yours, without peeking."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from msgspec import Struct
from rich.console import Console

from deploy.cli.files import (
    Columns,
    Dates,
    EventsFile,
    ItemsColumns,
    ItemsFile,
    ItemsMap,
    ItemsSeparator,
    Map,
    Separator,
    Types,
    read_and_show,
)
from deploy.cli.outputs import check_writable
from deploy.cli.progress_bars import replay_bar, work_bar
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
Limit = Annotated[int | None, typer.Option(help="Only the first so many rows, in event-time order.")]
Repeats = Annotated[str, typer.Option(help="May consumed items come again: allow, forbid, learn. Else the setting.")]
Report = Annotated[Path | None, typer.Option(help="Write one self-contained HTML page here.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write all numbers here.")]
Lists = Annotated[Path | None, typer.Option("--predictions", help="Write every judged list here, as Parquet.")]
Baselines = Annotated[str, typer.Option(help="Beside the floors: full, or names with commas between.")]
Parts = Annotated[str, typer.Option("--ablate", help="What each part adds: all, or names with commas between.")]
Jobs = Annotated[int, typer.Option(min=0, help="Processes at once for these two; 0 for as many as there are cores.")]
Seed = Annotated[int, typer.Option(help="Of the learner and of the intervals.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    app.command("backtest")(replay_log)
    app.command("replay", help="The same as backtest.")(replay_log)


def replay_log(
    events: EventsFile = None,
    topic: Topic = "",
    items: ItemsFile = None,
    columns_map: Map = "",
    items_map: ItemsMap = "",
    types: Types = "",
    columns: Columns = "",
    items_columns: ItemsColumns = "",
    separator: Separator = "",
    items_separator: ItemsSeparator = "",
    dates: Dates = "",
    limit: Limit = None,
    repeats: Repeats = "",
    report: Report = None,
    as_json: Json = None,
    predictions: Lists = None,
    baselines: Baselines = "floors",
    ablate: Parts = "",
    jobs: Jobs = 0,
    seed: Seed = 0,
) -> None:
    """Backtest: replay a log through the handlers of production, test-then-train, with four floors on the same rows."""
    check_writable(report, as_json, predictions)
    asked = _asked(baselines, ablate, jobs)
    settings = _with_repeats(load_settings(), repeats)
    headers = (columns, items_columns, separator, items_separator)
    log = _log(settings, topic, Typed(events, items, columns_map, items_map, types, *headers, dates, limit))
    found = _played(Console(stderr=True), log, settings, BacktestConfig(seed=seed), predictions, asked)
    _write(found, report, as_json)


class ComparisonOptions(Struct, frozen=True):
    """What is played after ours, and in how many processes at once."""

    baselines: tuple[str, ...]
    parts: tuple[str, ...]
    jobs: int


def _asked(baselines: str, ablate: str, jobs: int) -> ComparisonOptions:
    """What was asked for, refused before anything is read if it cannot be had."""
    from inference.evaluation.ablation import chosen_parts
    from streams.backtest.baseline_runner import check_packages, named

    names = named(baselines)
    check_packages(names)
    return ComparisonOptions(names, chosen_parts(ablate), jobs or len(os.sched_getaffinity(0)))


def _log(settings: Settings, topic: str, typed: Typed) -> EventLog:
    from deploy.backtest_source import from_topic, log_of

    if (typed.events is None) == (not topic):
        raise typer.BadParameter("give a file of events, or --from-topic")
    if typed.events is not None:
        return log_of(typed.events.name, read_and_show(typed)[1])
    catalogue = read_and_show(typed)[1] if typed.items is not None else None
    return from_topic(settings, topic, catalogue, limit=typed.limit, now=wall_clock())


def _with_repeats(settings: Settings, repeats: str) -> Settings:
    if not repeats:
        return settings
    if repeats not in ("allow", "forbid", "learn"):
        raise typer.BadParameter(f"--repeats {repeats!r} is none of allow, forbid, learn")
    return settings.model_copy(update={"ranking": settings.ranking.model_copy(update={"repeats": repeats})})


def _played(
    console: Console,
    log: EventLog,
    settings: Settings,
    plan: BacktestConfig,
    predictions: Path | None,
    asked: ComparisonOptions,
) -> BacktestResults:
    """Replay behind a progress bar; judged lists go to their file on the way. Then whatever is played beside it."""
    from deploy.wiring import make_system_config
    from streams.backtest.baselines_process import RecordedRows
    from streams.backtest.predictions import Predictions
    from streams.backtest.results import Comparisons, backtest_results
    from streams.backtest.run import backtest, make_baselines

    baselines = RecordedRows(make_baselines(log)) if asked.baselines else None
    with ExitStack() as stack:
        sink = stack.enter_context(Predictions(predictions)) if predictions else None
        bar = stack.enter_context(replay_bar(console))
        task = bar.add_task("replaying", total=len(log.events), hit_rate=0.0, speed=0.0)
        played = backtest(
            log,
            make_system_config(settings),
            plan,
            sink=sink,
            baselines=baselines,
            report=lambda at: bar.update(task, completed=at.done, hit_rate=at.hit_rate, speed=at.per_second),
        )
    baseline_runs = _evaluated(console, baselines.rows if baselines else [], asked)
    return backtest_results(
        log, plan, played, Comparisons(baseline_runs, _ablated(console, log, settings, plan, asked))
    )


def _evaluated(console: Console, rows: Sequence[ChoiceRow], asked: ComparisonOptions) -> dict[str, BaselineRun]:
    """The baselines, after ours, so that they take nothing from its speed."""
    if not asked.baselines:
        return {}
    from streams.backtest.baseline_runner import run_baselines

    with work_bar(console) as tell:
        return run_baselines(rows, asked.baselines, jobs=asked.jobs, tell=tell)


def _ablated(
    console: Console, log: EventLog, settings: Settings, plan: BacktestConfig, asked: ComparisonOptions
) -> dict[str, Ablated]:
    """The replays without a part."""
    if not asked.parts:
        return {}
    from deploy.wiring import make_system_config
    from streams.backtest.ablations import ablate

    with work_bar(console) as tell:
        return ablate(log, make_system_config(settings), plan, asked.parts, jobs=asked.jobs, tell=tell)


def _write(found: BacktestResults, report: Path | None, as_json: Path | None) -> None:
    from deploy.reports.console import console_report

    Console().print(console_report(found))
    if report is not None:
        from deploy.reports.html import html_report

        report.write_text(html_report(found))
    if as_json is not None:
        as_json.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
