"""The command ``lifelong evaluate cold-start``: what words and pictures are worth for items that nobody has met."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.evaluation.arms import ArmJobs, Seed, interval_text, run_with_bars, show_groups
from deploy.cli.evaluation.replayed_log import compile_for, read_log
from deploy.cli.log_options import takes_log
from deploy.cli.shown import AsJson, Column, NothingDone, listing, put_json
from deploy.cli.terminal import Console, put_line
from deploy.files.options import Typed
from deploy.settings import load_settings

if TYPE_CHECKING:
    from streams.backtest.cold_start import ColdStartResults
    from streams.backtest.config import EventLog

Early = Annotated[
    float,
    typer.Option(
        "--early", min=0.0, help="Simulate launches: items are there so many hours before their first choice."
    ),
]
Perceive = Annotated[
    bool, typer.Option("--perceive", help="Encode texts and pictures first, as the perceiver does; settings say how.")
]
MULTIPLE_COLUMNS = (
    Column("cold items"),
    Column("times no content", right=True),
    Column("HR@10 less twice that of no content", right=True),
    Column("95 %", right=True),
)


@takes_log(required=True)
def cold_start(
    typed: Typed,
    early: Early = 0.0,
    perceive: Perceive = False,
    jobs: ArmJobs = 0,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Replay a log without content, with words, pictures and both, with content shuffled among the items (a placebo),
    and without the learned map from content to factors.
    """
    from deploy.wiring import make_system_config
    from streams.backtest.cold_start import cold_start_arms, cold_start_results, launched
    from streams.backtest.config import BacktestConfig

    log = _log(typed, perceive=perceive)
    log = launched(log, early) if early else log
    compile_for(log)
    settings, plan = load_settings(), BacktestConfig(seed=seed)
    ranking = settings.ranking.model_copy(update={"content_map": True})
    system = make_system_config(settings.model_copy(update={"ranking": ranking}))
    arms, left_out = cold_start_arms(log, system, plan)
    results = cold_start_results(log, run_with_bars(arms, jobs), plan, early_hours=early, left_out=left_out)
    if as_json:
        put_json(results)
        return
    _show(results)


def _log(typed: Typed, *, perceive: bool) -> EventLog:
    from msgspec.structs import replace

    from deploy.perception import perceive_items
    from streams.backtest.cold_start import has_words, offered_items

    log = read_log(typed)
    items = offered_items(log)
    if not any(has_words(item) or (perceive and item.images) for item in items):
        hint = "" if perceive or not any(item.images for item in items) else "; --perceive looks at their pictures"
        raise NothingDone(
            f"the log's items have no content: name a catalogue with --items, and its columns with --items-map{hint}"
        )
    if not perceive:
        return log
    perceptions, faults = perceive_items(load_settings(), items)
    if faults:
        Console(stderr=True).print(f"{faults:,} pictures could not be opened; perception.file_roots allows folders")
    return replace(log, perceptions=perceptions)


def _show(results: ColdStartResults) -> None:
    console = Console(highlight=False)
    when = f", there {results.early_hours:g} hours before (a simulated launch)" if results.early_hours else ""
    put_line(
        f"{results.items:,} items are chosen{when}: {results.items_with_words:,} have words, "
        f"{results.items_with_pictures:,} a picture"
    )
    for arm, why in results.left_out.items():
        put_line(f"left out {arm}: {why}")
    show_groups(console, results.groups)
    rows = [
        (
            each.arm,
            "" if each.times is None else f"{each.times:.2f}",
            f"{each.less_twice.value:+.4f}",
            interval_text(each.less_twice),
        )
        for each in results.multiples
    ]
    console.print(listing(console, MULTIPLE_COLUMNS, rows, title="\nAt least twice where the interval is above 0"))
