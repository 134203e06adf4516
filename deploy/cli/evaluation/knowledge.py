"""The command ``lifelong evaluate knowledge``: what facts about items are worth on your log."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.evaluation.replayed_log import compile_for, read_log
from deploy.cli.log_options import takes_log
from deploy.cli.progress_bars import work_bar
from deploy.cli.shown import AsJson, Column, NothingDone, listing, put_json
from deploy.cli.signals.facts_file import FactsFile, FactsMap, load_facts
from deploy.cli.terminal import Console, put_line
from deploy.files.options import Typed
from deploy.settings import load_settings

if TYPE_CHECKING:
    from inference.evaluation.intervals.interval import Interval
    from streams.backtest.config import BacktestConfig, EventLog
    from streams.backtest.knowledge import KnowledgeGroup, KnowledgeResults, KnowledgeRun

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


@takes_log(required=True)
def evaluate_knowledge(
    typed: Typed,
    facts: Annotated[Path, typer.Option("--facts", exists=True, dir_okay=False, help="A table of facts about items.")],
    facts_map: FactsMap = "",
    jobs: ArmJobs = 0,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Replay a log without facts, with them, and with facts shuffled among the items that have any (a placebo)."""
    from streams.backtest.config import BacktestConfig
    from streams.backtest.knowledge import knowledge_results

    log = _log(typed, FactsFile(facts, facts_map, typed.dates))
    compile_for(log)
    plan = BacktestConfig(seed=seed)
    results = knowledge_results(log, _runs(log, plan, jobs), plan)
    if as_json:
        put_json(results)
        return
    _show(results)


def _log(typed: Typed, file: FactsFile) -> EventLog:
    from msgspec.structs import replace

    from streams.backtest.knowledge import of_log

    log = read_log(typed)
    # Facts are known from the beginning of the log on: their own validity says when they hold. A time of recording only
    # settles contradictions, so rows without one are the oldest.
    known = of_log(load_facts(file, recorded_at=0.0), log)
    if not known:
        raise NothingDone(
            f"{str(file.path)!r} says nothing of the items of the log: is the item's id in another column?"
        )
    return replace(log, signals=known)


def _runs(log: EventLog, plan: BacktestConfig, jobs: int) -> dict[str, KnowledgeRun]:
    from deploy.wiring import make_system_config
    from streams.backtest.knowledge import run_arms

    settings = load_settings()
    ranking = settings.ranking.model_copy(update={"outside_knowledge": True})
    system = make_system_config(settings.model_copy(update={"ranking": ranking}))
    with work_bar(Console(stderr=True)) as report:
        return run_arms(log, system, plan, jobs=jobs or len(os.sched_getaffinity(0)), tell=report)


def _show(results: KnowledgeResults) -> None:
    console = Console(highlight=False)
    put_line(
        f"{results.known_items:,} items of the log have facts: {results.items_with_facts:.0%} of its items, "
        f"{results.choices_with_facts:.0%} of its events"
    )
    for group in results.groups:
        title = f"\n{group.group}: {group.choices:,}"
        console.print(listing(console, ARM_COLUMNS, _rows(group), title=title))


def _rows(group: KnowledgeGroup) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for arm, own in group.arms.items():
        metrics: tuple[str, ...] = (arm, f"{own.hit_rate:.4f}", f"{own.gain:.4f}", f"{own.ms_per_event:.2f}")
        compared = [one for one in group.differences if one.of == arm]
        for one in compared:
            rows.append((*metrics, one.less, f"{one.hit_rate.value:+.4f}", _interval(one.hit_rate)))
            metrics = ("", "", "", "")
        if not compared:
            rows.append((*metrics, "", "", ""))
    return rows


def _interval(interval: Interval) -> str:
    return f"{interval.low:+.4f} to {interval.high:+.4f}"
