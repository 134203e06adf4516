"""``lifelong evaluate``: what another policy would have earned, from what was logged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zipfile import BadZipFile

import msgspec
import numpy as np
import typer
from rich.console import Console, RenderableType
from rich.markup import escape

from deploy.cli.outputs import check_writable
from deploy.cli.servers import reach_kafka
from deploy.cli.shown import AsJson, Column, NoSuch, NothingDone, listing
from deploy.clients import wall_clock
from deploy.settings import Settings, load_settings
from deploy.wiring import external_rows, weights_path
from inference.evaluation.intervals.interval import Interval
from inference.evaluation.off_policy.decisions import PolicyDecision
from inference.evaluation.off_policy.estimators import By
from inference.evaluation.off_policy.ranking_logs import (
    DEFAULT_TARGETS,
    EvaluatedPolicy,
    KnownWeights,
    evaluate_log,
    read_lines,
    write_lines,
)
from inference.learning.weights_file import Weights, read_weights
from inference.ranking.features import FeatureTable
from schemas.ranking_log import RankingLogEntry
from schemas.topics import RANKING_LOG
from streams.log.kafka_client import KafkaTableReader

if TYPE_CHECKING:
    from inference.evaluation.off_policy.open_bandit import Bandit, Checked

ESTIMATE_COLUMNS = (
    Column("target", prose=True),
    Column("estimate"),
    Column("value"),
    Column("95 %"),
    Column("worth"),
    Column("top weight"),
)
BYS: tuple[By, ...] = ("item", "place", "cascade", "slate")
DEPENDS: dict[By, str] = {
    "item": "if a click depends on its item and place alone",
    "cascade": "if it depends on the items above too",
    "slate": "if it depends on the whole list",
    "place": "the target fills one place at a time of a list as logged",
}


LOGS_HELP = "JSON lines of a ranking log, or Open Bandit Parquet; none: the stack's ranking log."
Logs = Annotated[list[Path] | None, typer.Argument(exists=True, dir_okay=False, help=LOGS_HELP)]


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    evaluate = typer.Typer(help="What another policy would have earned, from what was logged.", no_args_is_help=True)
    evaluate.command("policy")(policy)
    evaluate.command("export")(export)
    app.add_typer(evaluate, name="evaluate")


def policy(
    logs: Logs = None,
    target: Annotated[
        list[str] | None, typer.Option(help=f"One of {', '.join(DEFAULT_TARGETS)}, or a feature: its highest first.")
    ] = None,
    by: Annotated[str, typer.Option(help=f"What a click depends on: {', '.join(BYS)} or all.")] = "item",
    clip: Annotated[float, typer.Option(help="Cut weights above this.")] = float("inf"),
    weights: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="The model; none: the one that serves.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Estimate the clicks per list of policies that did not draw the log: IPS, SNIPS, doubly robust, with intervals."""
    if by not in (*BYS, "all"):
        raise typer.BadParameter(f"{by!r} is none of {', '.join(BYS)} or all", param_hint="--by")
    bys = [one for one in BYS if by in (one, "all")]
    console, refused = Console(stderr=as_json), Counter[str]()
    settings = load_settings()
    bandits, entries = _read(settings, logs or [], refused)
    found: dict[str, Any] = {}
    if bandits:
        from inference.evaluation.off_policy.open_bandit import check

        found["open_bandit"] = check(bandits, clip=clip)
    if entries or not bandits:
        found["ranking_log"] = evaluate_log(
            entries, _known(settings, weights), target or DEFAULT_TARGETS, bys, clip=clip
        )
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    for checked in found.get("open_bandit", ()):
        _show_bandit(console, checked)
    if "ranking_log" in found:
        _show_log(console, found["ranking_log"])
    for reason, count in refused.most_common():
        console.print(f"[yellow]![/] {count} lines refused: {escape(reason)}")


def export(file: Annotated[Path, typer.Argument(help="JSON lines, as `lifelong evaluate policy` takes them.")]) -> None:
    """Write the stack's ranking log to a file: the lists, how they were drawn, what was clicked, and experiments."""
    check_writable(file)
    refused = Counter[str]()
    entries = list(read_topic(load_settings(), refused))
    if not entries:
        raise NothingDone("the stack's ranking log is empty: nothing was written")
    written = write_lines(file, entries)
    Console().print(f"Wrote {written} entries to {escape(str(file))}; {refused.total()} could not be read.")


def _read(
    settings: Settings, logs: Sequence[Path], refused: Counter[str]
) -> tuple[list[Bandit], list[RankingLogEntry]]:
    if not logs:
        return [], list(read_topic(settings, refused))
    from deploy.importing import read_frame
    from inference.evaluation.off_policy.open_bandit import bandit_of, is_bandit

    bandits: list[Bandit] = []
    entries: list[RankingLogEntry] = []
    for path in logs:
        if path.suffix in (".jsonl", ".ndjson", ".json"):
            entries += read_lines(path.read_bytes().splitlines(), now=wall_clock(), refused=refused)
            continue
        frame = read_frame(path)
        if not is_bandit(frame):
            raise typer.BadParameter(f"{str(path)!r} is neither a ranking log (.jsonl) nor an Open Bandit table")
        bandits.append(bandit_of(path, frame))
    return bandits, entries


def read_topic(settings: Settings, refused: Counter[str]) -> Iterator[RankingLogEntry]:
    """The stack's ranking log; what is no entry is counted by reason."""
    reader = KafkaTableReader(reach_kafka(settings, RANKING_LOG), (RANKING_LOG,))
    try:
        values = [record.value for record in reader.catch_up() if record.value]
    finally:
        reader.close()
    yield from read_lines(values, now=wall_clock(), refused=refused)


def _known(settings: Settings, weights: Path | None) -> KnownWeights:
    path = weights or weights_path(settings)
    return KnownWeights(
        columns=FeatureTable(external_rows(settings)).columns,
        weights=_read_weights(path) if weights or path.is_file() else None,
    )


def _read_weights(path: Path) -> Weights:
    """The weights in a file.

    Raises:
        NoSuch: it holds none.
    """
    try:
        return read_weights(path)
    except (ValueError, KeyError, EOFError, BadZipFile) as exc:
        raise NoSuch(f"{str(path)!r} holds no weights: {exc}") from exc


def _show_log(console: Console, evaluated: EvaluatedPolicy) -> None:
    console.print(
        f"{evaluated.lists:,} drawn lists seen by {evaluated.users:,} people, {evaluated.clicks:,} clicks: "
        f"{_number(evaluated.earned)} per list",
        highlight=False,
    )
    if evaluated.best_earned is not None:
        console.print(f"Lists that exploited earned {evaluated.best_earned:.4g} per list.", highlight=False)
    for reason, count in evaluated.left_out.items():
        console.print(f"[dim]{count:,} lists are left out: {reason}[/]", highlight=False)
    for by in dict.fromkeys(decision.by for decision in evaluated.decisions):
        title = f"clicks per list, {DEPENDS[by]}"
        console.print(_table(console, title, [decision for decision in evaluated.decisions if decision.by == by]))
    _show_warnings(console, evaluated.decisions)
    for target, reason in evaluated.not_tried.items():
        console.print(f"[yellow]![/] {target} was not tried: {escape(reason)}", highlight=False)


def _show_bandit(console: Console, checked: Checked) -> None:
    title = (
        f"{checked.log}: {checked.impressions:,} impressions, {checked.clicks} clicks, {_number(checked.earned)} each"
    )
    if not checked.decisions:
        console.print(f"{escape(title)}\nNo other log of the same items was given: there is nothing to judge from it.")
        return
    console.print(_table(console, title, checked.decisions, checked.own))
    _show_warnings(console, checked.decisions)


def _table(
    console: Console, title: str, decisions: Sequence[PolicyDecision], own: Mapping[str, Interval] | None = None
) -> RenderableType:
    """Targets with their estimates; `own` is what each of them earned itself, where that is known."""
    rows: list[tuple[str, ...]] = []
    for one in decisions:
        lines = {"IPS": one.ips, "SNIPS": one.snips, "doubly robust": one.doubly_robust}
        lines |= {"its own log": own[one.target]} if own else {}
        first = (f"{one.overlap.effective:,.0f}", f"{one.overlap.largest:,.1f}{_cut(one)}")
        beside = iter((f"[bold]{escape(one.target)}[/]", escape(one.what)))
        for name, found in lines.items():
            if found is not None:
                rows.append((next(beside, ""), name, f"{found.value:.4g}", _interval(found), *first))
                first = ("", "")
        rows.append(("", "to this log", f"{one.difference.value:+.4g}", _interval(one.difference, "+"), "", ""))
    return listing(console, ESTIMATE_COLUMNS, rows, title=f"\n{title}")


def _cut(one: PolicyDecision) -> str:
    return f" ({one.overlap.clipped:.1%} cut)" if one.overlap.clipped else ""


def _show_warnings(console: Console, decisions: Sequence[PolicyDecision]) -> None:
    for one in decisions:
        for warning in one.warnings:
            console.print(f"[yellow]![/] {escape(one.target)}, by {one.by}: {warning}", highlight=False)


def _number(found: Interval) -> str:
    """An estimate with its interval.

    >>> _number(Interval(0.1234567, 0.1, 0.15))
    '0.1235 [0.1, 0.15]'
    """
    return f"{found.value:.4g} [{_interval(found)}]"


def _interval(found: Interval, sign: str = "") -> str:
    return f"{found.low:{sign}.3g}, {found.high:{sign}.3g}" if np.isfinite(found.low) else "unknown"
