"""``lifelong experiment``: who is in which arm, and what the arms came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
import typer
from msgspec.structs import replace
from rich.console import Console, RenderableType
from rich.markup import escape

from deploy.cli.evaluate import read_topic
from deploy.cli.models import decisions, read_updates, updates
from deploy.cli.servers import reach_kafka
from deploy.cli.shown import AsJson, Column, listing
from deploy.clients import wall_clock
from deploy.experiment import make_experiment
from deploy.settings import Settings, load_settings
from inference.evaluation.experiments.arm_log import ExperimentLog, experiment_log, last_experiment
from inference.evaluation.experiments.arm_results import Counts, ExperimentResults, Metric
from inference.evaluation.experiments.arm_results import experiment_results as results_of
from inference.evaluation.intervals.interval import Interval
from inference.evaluation.off_policy.ranking_logs import read_lines
from inference.experiment import CONTROL, Experiment
from schemas.errors import LifelongError
from schemas.ids import UserId
from schemas.model_updates import ModelUpdate
from schemas.ranking_log import RankingLogEntry
from schemas.topics import MODEL_UPDATES


class NoExperiment(LifelongError):
    """No experiment is set, or a log holds nothing of the one that was asked for."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    experiment = typer.Typer(help="Experiments: results, assign.", no_args_is_help=True)
    experiment.command("results")(results)
    experiment.command("assign")(assign)
    app.add_typer(experiment, name="experiment")


def assign(
    users: Annotated[list[str], typer.Argument(help="Ids of people.", metavar="USER...")], as_json: AsJson = False
) -> None:
    """Say which arm people are in: the same one on every worker, for as long as the shares stay."""
    experiment = make_experiment(load_settings())
    if experiment is None:
        raise NoExperiment("no experiment is set: give [experiment] a name and arms in lifelong.toml")
    arms = {user: arm.name for user in users if (arm := experiment.arm_of(UserId(user)))}
    if as_json:
        typer.echo(msgspec.json.encode({"experiment": experiment.name, "arms": arms}).decode())
        return
    for user, name in arms.items():
        Console().print(f"{escape(user)}  [bold]{name}[/]", highlight=False)


def results(
    logs: Annotated[
        list[Path] | None,
        typer.Argument(
            exists=True, dir_okay=False, help="JSON lines of `lifelong evaluate export`; none: the stack's log."
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="Which experiment; none: the one that is set, or else the last.")] = "",
    against: Annotated[str, typer.Option(help="The arm that others are compared with.")] = CONTROL,
    level: Annotated[
        float, typer.Option(help="The risk that any difference of a measure is none.", min=1e-6, max=0.5)
    ] = 0.05,
    as_json: AsJson = False,
) -> None:
    """Compare arms: between their people, and by where their weights had put what people took."""
    settings, refused = load_settings(), Counter[str]()
    entries = _read(settings, logs or [], refused)
    alive = _log(entries, name or settings.experiment.name)
    found = results_of(alive, against=against, level=level, experiment=_known(settings, alive.experiment))
    found = replace(found, notes=_notes(alive, found, [] if logs else _decided(settings)))
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    _show(Console(), found)
    for reason, count in refused.most_common():
        Console().print(f"[yellow]![/] {count} lines refused: {escape(reason)}")


def _read(settings: Settings, logs: Sequence[Path], refused: Counter[str]) -> list[RankingLogEntry]:
    if not logs:
        return list(read_topic(settings, refused))
    lines = [line for path in logs for line in path.read_bytes().splitlines()]
    return list(read_lines(lines, now=wall_clock(), refused=refused))


def _log(entries: Sequence[RankingLogEntry], name: str) -> ExperimentLog:
    name = name or last_experiment(entries)
    if not name:
        raise NoExperiment("no experiment is set, and none is in the log: give [experiment] a name and arms")
    alive = experiment_log(entries, name)
    if not alive.people:
        raise NoExperiment(
            f"nothing of experiment {name!r} is in the log: the last one there is {last_experiment(entries)!r}"
        )
    return alive


def _known(settings: Settings, name: str) -> Experiment | None:
    """The experiment as it is set now, where the settings are about the one of this name."""
    known = make_experiment(settings)
    return known if known is not None and known.name == name else None


def _decided(settings: Settings) -> list[ModelUpdate]:
    return decisions(updates(read_updates(reach_kafka(settings, MODEL_UPDATES))))


def _notes(alive: ExperimentLog, found: ExperimentResults, decided: Sequence[ModelUpdate]) -> tuple[str, ...]:
    """What to bear in mind when the results are read."""
    notes = []
    if found.against not in {each.arm for each in found.arms}:
        notes.append(f"there is no arm {found.against!r} to compare with: there are {[a.arm for a in found.arms]}")
    if found.sample_ratio is not None and found.sample_ratio.is_alarming:
        notes.append("the arms do not have the people that they should: believe nothing here before you know why")
    first, last = alive.versions
    for update in decided:
        if update.decision != "refused" and first < update.version <= last:
            notes.append(
                f"{update.variant} was {update.decision} at version {update.version}: whoever is ranked for by the "
                "champion, as control is, had other weights from then on"
            )
    for each in found.arms:
        if each.as_champion:
            notes.append(
                f"{each.as_champion} lists of {each.arm} were ranked by the champion: its weights were not there"
            )
    return tuple(notes)


def _show(console: Console, found: ExperimentResults) -> None:
    console.print(_arms(console, found))
    if found.between:
        title = "between people: a person counts in their own arm"
        console.print(_metrics(console, title, found.between, found.against))
    if found.paired:
        title = f"on the same {found.taken:,} choices: the place that each arm's weights had given to what was taken"
        console.print(_metrics(console, title, found.paired, found.against))
    console.print(_footnote(found), highlight=False)
    if found.sample_ratio is not None:
        console.print(_sample_ratio(found), highlight=False)
    for reason, count in found.left_out.items():
        console.print(f"[dim]left out: {count:,} {reason}[/]", highlight=False)
    for note in found.notes:
        console.print(f"[yellow]![/] {escape(note)}", highlight=False)


def _arms(console: Console, found: ExperimentResults) -> RenderableType:
    names = ("people", "lists", "seen", "clicks", "choices")
    rows = [(_called(each), *(f"{getattr(each, name):,}" for name in names)) for each in found.arms]
    columns = [Column("arm"), *(Column(name, right=True) for name in names)]
    return listing(console, columns, rows, title=f"experiment {found.experiment}")


def _called(each: Counts) -> str:
    return f"{each.arm} [dim](shadow)[/]" if each.role == "shadow" else each.arm


def _metrics(console: Console, title: str, metrics: Sequence[Metric], against: str) -> RenderableType:
    """A row for each arm of each measure; where the terminal is narrow, its measure stands above each."""
    columns = [Column(name) for name in ("measure", "arm", "value", "95 %", f"to {against}", "at any time", "so")]
    rows: list[tuple[str, ...]] = []
    for metric in metrics:
        for arm, value in metric.values.items():
            other = metric.differences.get(arm)
            compared = (f"{other.value:+.4f}", _interval(other, "+"), _said(other)) if other else ("", "", "")
            rows.append((metric.name, escape(arm), f"{value.value:.4f}", _interval(value), *compared))
    return listing(console, columns, rows, title=f"\n{title}")


def _interval(found: Interval, sign: str = "") -> str:
    return f"{found.low:{sign}.4f} to {found.high:{sign}.4f}" if np.isfinite(found.low) else "unknown"


def _said(found: Interval) -> str:
    """What may be said of a difference.

    >>> [_said(Interval(0.1, low, 0.2)) for low in (0.05, -0.05)]
    ['surely more', 'not known yet']
    """
    if found.low > 0.0:
        return "surely more"
    return "surely less" if found.high < 0.0 else "not known yet"


def _footnote(found: ExperimentResults) -> str:
    return (
        f"[dim]Differences may be looked at at any time: at level {found.level:g} for all arms of a measure together. "
        "Intervals of single values are for one look. All are clustered by person.[/]"
    )


def _sample_ratio(found: ExperimentResults) -> str:
    ratio = found.sample_ratio
    assert ratio is not None
    counts = ", ".join(f"{arm} {n:,} of {ratio.expected[arm]:,.0f}" for arm, n in ratio.people.items())
    return f"people as they should be: {counts} (p = {ratio.p:.2g}{', ALARMING' if ratio.is_alarming else ''})"
