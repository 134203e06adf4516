"""The command ``lifelong evaluate knowledge``: what facts about items are worth on your log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.evaluation.arms import ArmJobs, Seed, run_with_bars, show_groups
from deploy.cli.evaluation.replayed_log import compile_for, read_log
from deploy.cli.log_options import takes_log
from deploy.cli.shown import AsJson, NothingDone, put_json
from deploy.cli.signals.facts_file import FactsFile, FactsMap, load_facts
from deploy.cli.terminal import Console, put_line
from deploy.files.options import Typed
from deploy.settings import load_settings

if TYPE_CHECKING:
    from streams.backtest.arms import ArmRun
    from streams.backtest.config import BacktestConfig, EventLog
    from streams.backtest.knowledge import KnowledgeResults


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


def _runs(log: EventLog, plan: BacktestConfig, jobs: int) -> dict[str, ArmRun]:
    from deploy.wiring import make_system_config
    from streams.backtest.knowledge import knowledge_arms

    settings = load_settings()
    ranking = settings.ranking.model_copy(update={"outside_knowledge": True})
    system = make_system_config(settings.model_copy(update={"ranking": ranking}))
    return run_with_bars(knowledge_arms(log, system, plan), jobs)


def _show(results: KnowledgeResults) -> None:
    put_line(
        f"{results.known_items:,} items of the log have facts: {results.items_with_facts:.0%} of its items, "
        f"{results.choices_with_facts:.0%} of its events"
    )
    show_groups(Console(highlight=False), results.groups)
