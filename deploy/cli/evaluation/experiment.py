"""``lifelong experiment``: show which arm users are in, and compare the arms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
import typer
from msgspec.structs import replace
from rich.console import RenderableType
from rich.markup import escape

from deploy.cli.evaluation.evaluate import read_topic
from deploy.cli.models import decisions, read_updates, updates
from deploy.cli.servers import reach_kafka
from deploy.cli.shown import AsJson, Column, listing
from deploy.cli.terminal import Console, put_encoded
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
    """No experiment is set, or the log has no entries of the requested one."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    experiment = typer.Typer(help="Experiments: results, assign.", no_args_is_help=True)
    experiment.command("results")(results)
    experiment.command("assign")(assign)
    app.add_typer(experiment, name="experiment")


def assign(
    users: Annotated[list[str], typer.Argument(help="Ids of users.", metavar="USER...")], as_json: AsJson = False
) -> None:
    """Show which arm users are in: the same one on every worker, for as long as the shares stay."""
    experiment = make_experiment(load_settings())
    if experiment is None:
        raise NoExperiment("no experiment is set: give [experiment] a name and arms in lifelong.toml")
    arms = {user: arm.name for user in users if (arm := experiment.arm_of(UserId(user)))}
    if as_json:
        put_encoded(msgspec.json.encode({"experiment": experiment.name, "arms": arms}))
        return
    for user, name in arms.items():
        Console().print(f"{escape(user)}  [bold]{name}[/]", highlight=False)


def results(
    logs: Annotated[
        list[Path] | None,
        typer.Argument(
            exists=True, dir_okay=False, help="JSON lines of `lifelong evaluate export`; default: the stack's log."
        ),
    ] = None,
    name: Annotated[
        str, typer.Option(help="Which experiment; default: the one in the settings, else the last in the log.")
    ] = "",
    against: Annotated[str, typer.Option(help="The arm to compare the others with.")] = CONTROL,
    level: Annotated[
        float, typer.Option(help="Probability of a false positive over all arms of a measure.", min=1e-6, max=0.5)
    ] = 0.05,
    as_json: AsJson = False,
) -> None:
    """Compare arms: between their users, and by the ranks that their weights gave to the items users chose."""
    settings, refused = load_settings(), Counter[str]()
    entries = _read(settings, logs or [], refused)
    arm_log = _log(entries, name or settings.experiment.name)
    configured = _configured(settings, arm_log.experiment)
    compared = results_of(arm_log, against=against, level=level, experiment=configured)
    compared = replace(compared, notes=_notes(arm_log, compared, [] if logs else _decided(settings)))
    if as_json:
        put_encoded(msgspec.json.encode(compared))
        return
    _show(Console(), compared)
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
    arm_log = experiment_log(entries, name)
    if not arm_log.people:
        raise NoExperiment(
            f"the log has no entries of experiment {name!r}: its last one is {last_experiment(entries)!r}"
        )
    return arm_log


def _configured(settings: Settings, name: str) -> Experiment | None:
    """Return the experiment of the settings if it has this name."""
    experiment = make_experiment(settings)
    return experiment if experiment is not None and experiment.name == name else None


def _decided(settings: Settings) -> list[ModelUpdate]:
    return decisions(updates(read_updates(reach_kafka(settings, MODEL_UPDATES))))


def _notes(arm_log: ExperimentLog, compared: ExperimentResults, decided: Sequence[ModelUpdate]) -> tuple[str, ...]:
    """Return caveats for reading the results."""
    notes = []
    if compared.against not in {arm.arm for arm in compared.arms}:
        notes.append(
            f"there is no arm {compared.against!r} to compare with: there are {[a.arm for a in compared.arms]}"
        )
    if compared.sample_ratio is not None and compared.sample_ratio.is_alarming:
        notes.append(
            "sample-ratio mismatch: arms do not have their shares of users; find the cause before trusting any result"
        )
    first, last = arm_log.versions
    for update in decided:
        if update.decision != "refused" and first < update.version <= last:
            notes.append(
                f"{update.variant} was {update.decision} at version {update.version}: arms that the champion ranks, "
                "such as control, had other weights from then on"
            )
    for arm in compared.arms:
        if arm.as_champion:
            notes.append(f"{arm.as_champion} lists of {arm.arm} were ranked by the champion: its weights were missing")
    return tuple(notes)


def _show(console: Console, compared: ExperimentResults) -> None:
    console.print(_arms(console, compared))
    if compared.between:
        title = "between users: a user counts in their own arm"
        console.print(_metrics(console, title, compared.between, compared.against))
    if compared.paired:
        choices = f"{compared.organic_choices:,} choices"
        title = f"on the same {choices}: the rank that each arm's weights gave to the chosen item"
        console.print(_metrics(console, title, compared.paired, compared.against))
    console.print(_footnote(compared), highlight=False)
    if compared.sample_ratio is not None:
        console.print(_sample_ratio(compared), highlight=False)
    for reason, count in compared.left_out.items():
        console.print(f"[dim]left out: {count:,} {reason}[/]", highlight=False)
    for note in compared.notes:
        console.print(f"[yellow]![/] {escape(note)}", highlight=False)


def _arms(console: Console, compared: ExperimentResults) -> RenderableType:
    headings = {"people": "users", "lists": "lists", "seen": "seen", "clicks": "clicks", "choices": "choices"}
    rows = [(_arm_name(counts), *(f"{getattr(counts, field):,}" for field in headings)) for counts in compared.arms]
    columns = [Column("arm"), *(Column(heading, right=True) for heading in headings.values())]
    return listing(console, columns, rows, title=f"experiment {compared.experiment}")


def _arm_name(counts: Counts) -> str:
    return f"{counts.arm} [dim](shadow)[/]" if counts.role == "shadow" else counts.arm


def _metrics(console: Console, title: str, metrics: Sequence[Metric], against: str) -> RenderableType:
    """Return a table with a row for each arm of each measure."""
    columns = [
        Column(name) for name in ("measure", "arm", "value", "95 %", f"to {against}", "at any time", "conclusion")
    ]
    rows: list[tuple[str, ...]] = []
    for metric in metrics:
        for arm, value in metric.values.items():
            other = metric.differences.get(arm)
            compared = (f"{other.value:+.4f}", _interval(other, "+"), _conclusion(other)) if other else ("", "", "")
            rows.append((metric.name, escape(arm), f"{value.value:.4f}", _interval(value), *compared))
    return listing(console, columns, rows, title=f"\n{title}")


def _interval(estimate: Interval, sign: str = "") -> str:
    return f"{estimate.low:{sign}.4f} to {estimate.high:{sign}.4f}" if np.isfinite(estimate.low) else "unknown"


def _conclusion(difference: Interval) -> str:
    """Return what the interval of a difference allows to conclude.

    >>> [_conclusion(Interval(0.1, low, 0.2)) for low in (0.05, -0.05)]
    ['more', 'undecided']
    """
    if difference.low > 0.0:
        return "more"
    return "less" if difference.high < 0.0 else "undecided"


def _footnote(compared: ExperimentResults) -> str:
    return (
        f"[dim]Intervals of differences hold at any time, at level {compared.level:g} for all arms of a measure. "
        "Intervals of single values hold for one look. All are clustered by user.[/]"
    )


def _sample_ratio(compared: ExperimentResults) -> str:
    ratio = compared.sample_ratio
    assert ratio is not None
    counts = ", ".join(f"{arm} {n:,} of {ratio.expected[arm]:,.0f}" for arm, n in ratio.people.items())
    warning = ", MISMATCH" if ratio.is_alarming else ""
    return f"sample ratio, users of those expected: {counts} (p = {ratio.p:.2g}{warning})"
