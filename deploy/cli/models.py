"""``lifelong models``: show model variants and past decisions; promote or roll back by hand."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal
from uuid import uuid4

import typer
from msgspec.structs import replace
from rich.console import RenderableType
from rich.markup import escape

from deploy.cli.servers import reach_kafka
from deploy.cli.shown import AsJson, Column, NoSuch, complete_id, listing, put_json, utc
from deploy.cli.terminal import Console
from deploy.clients import make_publisher, wall_clock
from deploy.settings import Settings, load_settings
from deploy.settings.checks import nearest
from deploy.wiring import feature_table
from inference.learning.loaded_model import digest, load_weights
from schemas.codec import decode, encode
from schemas.errors import DecodeError, LifelongError
from schemas.model_updates import Difference, ModelUpdate, VariantStatus
from schemas.ranking_log import Command
from schemas.topics import MODEL_UPDATES, RANKING_LOG
from streams.log.kafka_client import Cluster, KafkaTableReader
from streams.log.records import Inbound

Reason = Annotated[str, typer.Option(help="Why; stored with the decision.")]

WeightsFile = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="A weights file, to be loaded as a variant of its own.")
]


FIRST_VARIANT = "default"
ROLE_NAMES = {"guard": "rollback candidate", "resting": "cooling down"}
"""How stored roles are shown where their own names say too little."""
VARIANT_COLUMNS = (
    Column("variant"),
    Column("role"),
    Column("config"),
    Column("examples", right=True),
    Column("gain", right=True),
    Column("hr@10", right=True),
    Column("loss", right=True),
    Column("gain over the champion"),
)
HISTORY_COLUMNS = (
    Column("id"),
    Column("when"),
    Column("decision"),
    Column("variant"),
    Column("against"),
    Column("by"),
    Column("version", right=True),
    Column("why", prose=True),
)


class NothingToDecide(LifelongError):
    """A command names no variant and no weights, or both."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    models = typer.Typer(help="Models: list, history, show, promote, rollback.", no_args_is_help=True)
    models.command("list")(list_models)
    models.command("show")(show_decision)
    models.command("history")(history)
    models.command("promote")(promote)
    models.command("rollback")(rollback)
    app.add_typer(models, name="models")


def list_models(as_json: AsJson = False) -> None:
    """Show every variant: its role, its running scores, and its difference to the champion."""
    serving = [update for update in _updates(load_settings()) if update.variant_statuses]
    if as_json:
        put_json(serving[-1] if serving else None)
        return
    console = Console(highlight=False)
    if not serving:
        console.print("No model has been announced yet: `lifelong status` shows whether the trainer runs.")
        return
    console.print(variant_table(console, serving[-1]))


def history(
    limit: Annotated[int, typer.Option(help="How many of the newest to show.", min=1)] = 50, as_json: AsJson = False
) -> None:
    """Show decisions, the newest last: made by the promotion policy or by an operator, and why."""
    newest = decisions(_updates(load_settings()))[-limit:]
    if as_json:
        put_json(newest)
        return
    console = Console(highlight=False)
    console.print(history_table(console, newest) if newest else "Nothing has been decided yet.")


def show_decision(
    decision_id: Annotated[str, typer.Argument(help="Id as `history` shows it, or its first characters.")],
    as_json: AsJson = False,
) -> None:
    """Show one decision with the interval behind it and the status of all variants at that time."""
    by_id = {update.decision_id: update for update in decisions(_updates(load_settings()))}
    hint = "`lifelong models history` shows them"
    update = by_id[complete_id(decision_id, list(by_id), what="decision", hint=hint)]
    if as_json:
        put_json(update)
        return
    console = Console(highlight=False)
    console.print(history_table(console, [update]))
    if update.difference is not None:
        against = escape(update.against) or "the champion"
        console.print(f"difference to {against}: {interval(update.difference)}")
    if update.variant_statuses:
        console.print(variant_table(console, update))


def promote(
    variant: Annotated[str, typer.Argument(help="Name as `list` shows it.")] = "",
    weights: WeightsFile = None,
    reason: Reason = "",
) -> None:
    """Promote a variant, or weights from a file, to champion. The promotion policy rolls it back if it is worse."""
    if bool(variant) == (weights is not None):
        raise NothingToDecide("name a variant, as `lifelong models list` shows it, or --weights FILE; not both")
    settings = load_settings()
    if variant:
        refuse_unknown(variant, known_variants(settings, _updates(settings)))
    uri, sha256 = keep_weights(weights, settings) if weights is not None else ("", "")
    _send(settings, replace(_command("promote", reason), variant=variant, uri=uri, sha256=sha256))


def known_variants(settings: Settings, updates: Iterable[ModelUpdate]) -> list[str]:
    """Return the variants that may serve: those that the trainer announced last, and those that the settings name."""
    announced = [
        [status.variant for status in update.variant_statuses] for update in updates if update.variant_statuses
    ]
    return sorted({FIRST_VARIANT, *settings.trainer.challengers, *(announced[-1] if announced else ())})


def refuse_unknown(variant: str, variants: list[str]) -> None:
    """Refuse an unknown variant at once: the trainer would do so minutes later, in its own log.

    Raises:
        NoSuch: the variant is not known; the message names those that are.
    """
    if variant not in variants:
        raise NoSuch(f"there is no variant {variant!r} to promote: there are {variants}; {nearest(variant, variants)}")


def rollback(reason: Reason = "") -> None:
    """Make the previous champion serve again."""
    _send(load_settings(), _command("rollback", reason))


def keep_weights(path: Path, settings: Settings) -> tuple[str, str]:
    """Copy a weights file to where the trainer finds it, also when it learns the log anew; return path and SHA-256.

    Raises:
        UnusableWeights: the weights are not fit to serve.
    """
    columns = feature_table(settings).columns
    sha256 = digest(path.read_bytes())
    load_weights(path, sha256, columns=columns)
    target = settings.data_dir / "models" / "ranker" / "loaded" / f"{sha256[:16]}.npz"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)
    return str(target.absolute()), sha256


def _send(settings: Settings, command: Command) -> None:
    """Append a command to the ranking log, which fixes its position among the training examples."""
    reach_kafka(settings, RANKING_LOG)
    [(_, offset)] = make_publisher(settings, receipts=True).deliver(RANKING_LOG, [(None, encode(command))])
    Console().print(
        f"The trainer will decide at offset {offset} of its log; `lifelong models history` shows the decision."
    )


def _command(action: Literal["promote", "rollback"], reason: str) -> Command:
    return Command(entry_id=uuid4().hex, event_time=wall_clock(), action=action, reason=reason)


def _updates(settings: Settings) -> list[ModelUpdate]:
    return updates(read_updates(reach_kafka(settings, MODEL_UPDATES)))


def read_updates(cluster: Cluster) -> list[Inbound]:
    """Return all records of `model-updates`, in log order."""
    reader = KafkaTableReader(cluster, (MODEL_UPDATES,))
    try:
        return reader.catch_up()
    finally:
        reader.close()


def updates(records: Iterable[Inbound]) -> list[ModelUpdate]:
    """Return the decoded updates; skip records that cannot be decoded."""
    decoded = []
    for record in records:
        try:
            decoded.append(decode(MODEL_UPDATES, record.value, now=wall_clock()))
        except DecodeError:
            continue
    return decoded


def decisions(updates: Iterable[ModelUpdate]) -> list[ModelUpdate]:
    """Return the decisions in order, each once: a crash may repeat a decision under the same id."""
    return list({update.decision_id: update for update in updates if update.decision_id}.values())


def variant_table(console: Console, update: ModelUpdate) -> RenderableType:
    """Return variants as a table, the champion first."""
    title = f"version {update.version} · {update.examples} examples learned · lists: mrr {update.score:.3f}"
    rows = []
    for status in update.variant_statuses:
        scores = ("-", "-", "-")
        if status.examples:
            scores = (f"{status.gain:.4f}", f"{status.hit_rate:.3f}", f"{status.loss:.3f}")
        role = ROLE_NAMES.get(status.role, status.role)
        about = (escape(status.variant), role, escape(status.config), str(status.examples))
        rows.append((*about, *scores, escape(_difference_of(status))))
    return listing(console, VARIANT_COLUMNS, rows, title=title)


def history_table(console: Console, updates: Iterable[ModelUpdate]) -> RenderableType:
    """Return decisions as a table."""
    rows = []
    for update in updates:
        when = utc(update.wall_time)
        fields = (update.decision, escape(update.variant), escape(update.against), update.by, str(update.version))
        rows.append((escape(update.decision_id), when, *fields, escape(update.reason)))
    return listing(console, HISTORY_COLUMNS, rows)


def _difference_of(variant_status: VariantStatus) -> str:
    if variant_status.role == "champion":
        return ""
    return interval(variant_status.difference) if variant_status.difference is not None else "not compared now"


def interval(difference: Difference) -> str:
    """Return a difference with its bounds and the number of users as text.

    >>> interval(Difference(mean=0.01, lower=0.002, upper=0.03, people=640))
    '+0.0100 [+0.0020, +0.0300] over 640'
    """
    return f"{difference.mean:+.4f} [{difference.lower:+.4f}, {difference.upper:+.4f}] over {difference.people}"
