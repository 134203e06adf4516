"""``lifelong evaluate``: estimate what another policy would have earned from the ranking log (off-policy)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zipfile import BadZipFile

import msgspec
import numpy as np
import typer
from rich.console import RenderableType
from rich.markup import escape

from deploy.cli.evaluation.attack import attack
from deploy.cli.evaluation.cold_start import cold_start
from deploy.cli.evaluation.control import control
from deploy.cli.evaluation.drift import drift
from deploy.cli.evaluation.growth import growth
from deploy.cli.evaluation.interactive import interactive
from deploy.cli.evaluation.knowledge import evaluate_knowledge
from deploy.cli.evaluation.planning import planning
from deploy.cli.evaluation.search import evaluate_search_command
from deploy.cli.outputs import check_writable
from deploy.cli.servers import reach_kafka
from deploy.cli.shown import AsJson, Column, NoSuch, NothingDone, listing
from deploy.cli.terminal import Console, put_encoded
from deploy.clients import wall_clock
from deploy.settings import Settings, load_settings
from deploy.wiring import feature_table, weights_path
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
    Column("effective n"),
    Column("top weight"),
)
BYS: tuple[By, ...] = ("item", "place", "cascade", "slate")
DEPENDS: dict[By, str] = {
    "item": "if a click depends on its item and position alone",
    "cascade": "if it depends on the items above too",
    "slate": "if it depends on the whole list",
    "place": "the target fills one position at a time of a list as logged",
}


LOGS_HELP = "JSON lines of a ranking log, or Open Bandit Parquet; none: the stack's ranking log."
Logs = Annotated[list[Path] | None, typer.Argument(exists=True, dir_okay=False, help=LOGS_HELP)]


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    evaluate = typer.Typer(
        help="Evaluate policies, attacks, memory, re-planning, conversations, content, facts and searches.",
        no_args_is_help=True,
    )
    evaluate.command("policy")(policy)
    evaluate.command("export")(export)
    evaluate.command("attack")(attack)
    evaluate.command("control")(control)
    evaluate.command("growth")(growth)
    evaluate.command("drift")(drift)
    evaluate.command("interactive")(interactive)
    evaluate.command("planning")(planning)
    evaluate.command("cold-start")(cold_start)
    evaluate.command("knowledge")(evaluate_knowledge)
    evaluate.command("search")(evaluate_search_command)
    app.add_typer(evaluate, name="evaluate")


def policy(
    logs: Logs = None,
    target: Annotated[
        list[str] | None, typer.Option(help=f"One of {', '.join(DEFAULT_TARGETS)}, or a feature to sort by.")
    ] = None,
    by: Annotated[str, typer.Option(help=f"What a click depends on: {', '.join(BYS)} or all.")] = "item",
    clip: Annotated[float, typer.Option(help="Clip importance weights above this.")] = float("inf"),
    weights: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A weights file; default: the model that serves.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Interval the clicks per list of policies that did not draw the log: IPS, SNIPS, doubly robust, with intervals."""
    if by not in (*BYS, "all"):
        raise typer.BadParameter(f"{by!r} is none of {', '.join(BYS)} or all", param_hint="--by")
    bys = [option for option in BYS if by in (option, "all")]
    console, refused = Console(stderr=as_json), Counter[str]()
    settings = load_settings()
    bandits, entries = _read(settings, logs or [], refused)
    results: dict[str, Any] = {}
    if bandits:
        from inference.evaluation.off_policy.open_bandit import check

        results["open_bandit"] = check(bandits, clip=clip)
    if entries or not bandits:
        results["ranking_log"] = evaluate_log(
            entries, _known_weights(settings, weights), target or DEFAULT_TARGETS, bys, clip=clip
        )
    if as_json:
        put_encoded(msgspec.json.encode(results))
        return
    for checked in results.get("open_bandit", ()):
        _show_bandit(console, checked)
    if "ranking_log" in results:
        _show_log(console, results["ranking_log"])
    for reason, count in refused.most_common():
        console.print(f"[yellow]![/] {count} lines refused: {escape(reason)}")


def export(file: Annotated[Path, typer.Argument(help="JSON lines, as `lifelong evaluate policy` reads them.")]) -> None:
    """Write the stack's ranking log to a file: lists, propensities, clicks and experiment arms."""
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
    """Yield the entries of the stack's ranking log; count records that are not entries by reason."""
    reader = KafkaTableReader(reach_kafka(settings, RANKING_LOG), (RANKING_LOG,))
    try:
        values = [record.value for record in reader.catch_up() if record.value]
    finally:
        reader.close()
    yield from read_lines(values, now=wall_clock(), refused=refused)


def _known_weights(settings: Settings, weights: Path | None) -> KnownWeights:
    path = weights or weights_path(settings)
    return KnownWeights(
        columns=feature_table(settings).columns,
        weights=_read_weights(path) if weights or path.is_file() else None,
    )


def _read_weights(path: Path) -> Weights:
    """Return the weights in a file.

    Raises:
        NoSuch: the file holds none.
    """
    try:
        return read_weights(path)
    except (ValueError, KeyError, EOFError, BadZipFile) as exc:
        raise NoSuch(f"{str(path)!r} holds no weights: {exc}") from exc


def _show_log(console: Console, evaluated: EvaluatedPolicy) -> None:
    console.print(
        f"{evaluated.lists:,} drawn lists seen by {evaluated.users:,} users, {evaluated.clicks:,} clicks: "
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
        console.print(
            f"{escape(title)}\nNo other log of the same items was given: there is no policy to evaluate on it."
        )
        return
    console.print(_table(console, title, checked.decisions, checked.own))
    _show_warnings(console, checked.decisions)


def _table(
    console: Console, title: str, decisions: Sequence[PolicyDecision], own: Mapping[str, Interval] | None = None
) -> RenderableType:
    """Return a table of targets with their estimates; `own` is what each target earned itself, where that is known."""
    rows: list[tuple[str, ...]] = []
    for decision in decisions:
        lines = {"IPS": decision.ips, "SNIPS": decision.snips, "doubly robust": decision.doubly_robust}
        lines |= {"its own log": own[decision.target]} if own else {}
        first = (f"{decision.overlap.effective:,.0f}", f"{decision.overlap.largest:,.1f}{_clipped(decision)}")
        headings = iter((f"[bold]{escape(decision.target)}[/]", escape(decision.what)))
        for name, estimate in lines.items():
            if estimate is not None:
                rows.append((next(headings, ""), name, f"{estimate.value:.4g}", _interval(estimate), *first))
                first = ("", "")
        difference = decision.difference
        rows.append(("", "to this log", f"{difference.value:+.4g}", _interval(difference, "+"), "", ""))
    return listing(console, ESTIMATE_COLUMNS, rows, title=f"\n{title}")


def _clipped(decision: PolicyDecision) -> str:
    return f" ({decision.overlap.clipped:.1%} clipped)" if decision.overlap.clipped else ""


def _show_warnings(console: Console, decisions: Sequence[PolicyDecision]) -> None:
    for decision in decisions:
        for warning in decision.warnings:
            console.print(f"[yellow]![/] {escape(decision.target)}, by {decision.by}: {warning}", highlight=False)


def _number(estimate: Interval) -> str:
    """Return an estimate with its interval as text.

    >>> _number(Interval(0.1234567, 0.1, 0.15))
    '0.1235 [0.1, 0.15]'
    """
    return f"{estimate.value:.4g} [{_interval(estimate)}]"


def _interval(estimate: Interval, sign: str = "") -> str:
    return f"{estimate.low:{sign}.3g}, {estimate.high:{sign}.3g}" if np.isfinite(estimate.low) else "unknown"
