"""The command ``lifelong evaluate attack``: what crowds of fakes reach on your log, beside two baselines."""

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
from inference.evaluation.intervals.interval import Interval

if TYPE_CHECKING:
    from streams.attacks.crowds import Attack
    from streams.attacks.results import AttackResult
    from streams.attacks.run import AttackPlan, AttackRun

Only = Annotated[str, typer.Option(help="Run only these attacks, comma-separated; default: all of the table.")]
Begin = Annotated[float, typer.Option(min=0.01, max=0.99, help="Begin after this share of the events.")]
Days = Annotated[int, typer.Option(min=1, help="For how many days of the log after that lists are measured.")]
Jobs = Annotated[int, typer.Option(min=0, help="Parallel processes for the attacks; 0: one per core.")]
Seed = Annotated[int, typer.Option(help="Seed of the targets, of the fakes and of the bootstrap intervals.")]


@takes_log(required=True)
def attack(
    typed: Typed,
    only: Only = "",
    begin: Begin = 0.9,
    days: Days = 7,
    jobs: Jobs = 0,
    seed: Seed = 0,
    as_json: JsonFile = None,
) -> None:
    """Replay a log, inject crowds of fakes, and measure in how many honest lists the items that they push appear.

    Exits with 1 if a crowd reaches more lists than the table of attacks promises.
    """
    from streams.attacks.results import attack_results
    from streams.attacks.run import AttackPlan

    check_writable(as_json)
    attacks = _chosen(only)
    plan = AttackPlan(begin=begin, days=days, seed=seed)
    run = _run(Console(stderr=True), typed, plan, attacks, jobs or len(os.sched_getaffinity(0)))
    results = attack_results(run, plan, attacks)
    console = Console()
    console.print(_table(console, results, run.scene.users))
    if as_json is not None:
        as_json.write_bytes(msgspec.json.format(msgspec.json.encode(results)) + b"\n")
    if not all(result.holds for result in results):
        raise typer.Exit(1)


def _chosen(only: str) -> tuple[Attack, ...]:
    from streams.attacks.crowds import ATTACKS

    names = [name.strip() for name in only.split(",") if name.strip()]
    by_name = {row.name: row for row in ATTACKS}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} is none of {', '.join(by_name)}", param_hint="--only")
    return tuple(by_name[name] for name in names) or ATTACKS


def _run(console: Console, typed: Typed, plan: AttackPlan, attacks: Sequence[Attack], jobs: int) -> AttackRun:
    from deploy.wiring import make_system_config
    from streams.attacks.run import run_attacks

    log = read_log(typed)
    with work_bar(console) as report:
        return run_attacks(log, make_system_config(load_settings()), plan, attacks, jobs=jobs, tell=report)


def _table(console: Console, results: Sequence[AttackResult], users: int) -> RenderableType:
    """Return a block of rows per attack: by system, the added exposure on the worst day and on every day."""
    from streams.attacks.exposure import SYSTEMS

    days = max(len(result.days) for result in results)
    fixed = (Column("attack"), Column("lists of"), Column("worst day", right=True), Column("95 %", right=True))
    columns = (*fixed, *(Column(f"day {day + 1}", right=True) for day in range(days)))
    rows = [row for result in results for row in _rows(result, SYSTEMS, days)]
    title = (
        f"Lists that hold the pushed item, beyond those that hold it without the attack; {users:,} honest users before"
    )
    return listing(console, columns, rows, title=title)


def _rows(result: AttackResult, systems: Sequence[str], days: int) -> list[tuple[str, ...]]:
    promise = "[green]held[/]" if result.holds else f"[red]over {result.reach:.0%}[/]"
    heads = (f"[bold]{result.name}[/]", f"{result.accounts} accounts, {result.events} events", promise)
    rows = []
    for index, system in enumerate(systems):
        worst = max(result.days, key=lambda day: day.added[system].value).added[system]
        shares = [f"{day.added[system].value:.1%}" for day in result.days]
        head = heads[index] if index < len(heads) else ""
        rows.append((head, system, f"{worst.value:.1%}", _interval(worst), *shares, *[""] * (days - len(shares))))
    return rows


def _interval(interval: Interval) -> str:
    return f"{interval.low:.1%} to {interval.high:.1%}"
