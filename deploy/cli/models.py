"""``lifelong models``: who serves, how the others stand, what was decided and why, and deciding by hand."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal
from uuid import uuid4

import typer
from msgspec.structs import replace
from rich.console import Console, RenderableType
from rich.markup import escape

from deploy.cli.servers import reach_kafka
from deploy.cli.shown import AsJson, Column, NoSuch, listing, one_of, put_json
from deploy.clients import make_publisher, wall_clock
from deploy.settings import Settings, load_settings
from deploy.settings_checks import nearest
from deploy.wiring import external_rows
from inference.learning.loaded_model import digest, load_weights
from inference.ranking.features import FeatureTable
from schemas.codec import decode, encode
from schemas.errors import DecodeError, LifelongError
from schemas.model_updates import Difference, ModelUpdate, VariantStatus
from schemas.ranking_log import Command
from schemas.topics import MODEL_UPDATES, RANKING_LOG
from streams.log.kafka_client import Cluster, KafkaTableReader
from streams.log.records import Inbound

Reason = Annotated[str, typer.Option(help="Why: kept with the decision.")]

WeightsFile = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="A weights file, to be loaded as a lineage of its own.")
]


FIRST_LINEAGE = "default"
VARIANT_COLUMNS = (
    Column("lineage"),
    Column("role"),
    Column("recipe"),
    Column("examples", right=True),
    Column("gain", right=True),
    Column("hr@10", right=True),
    Column("loss", right=True),
    Column("gains more than the champion"),
)
HISTORY_COLUMNS = (
    Column("id"),
    Column("when"),
    Column("decision"),
    Column("lineage"),
    Column("against"),
    Column("by"),
    Column("version", right=True),
    Column("why", prose=True),
)


class NothingToDecide(LifelongError):
    """A command names no lineage and no weights, or both."""


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
    """Show every lineage: whether it serves, its running scores, and its difference to the one that does."""
    serving = [update for update in _updates(load_settings()) if update.variant_statuses]
    if as_json:
        put_json(serving[-1] if serving else None)
        return
    console = Console(highlight=False)
    if not serving:
        console.print("No model has been announced yet: `lifelong status` says whether the trainer runs.")
        return
    console.print(variant_table(console, serving[-1]))


def history(
    limit: Annotated[int, typer.Option(help="The newest so many.", min=1)] = 50, as_json: AsJson = False
) -> None:
    """Show what was decided, the newest last: by the gate or by an operator, and why."""
    made = decisions(_updates(load_settings()))[-limit:]
    if as_json:
        put_json(made)
        return
    console = Console(highlight=False)
    console.print(history_table(console, made) if made else "Nothing has been decided yet.")


def show_decision(
    decision_id: Annotated[str, typer.Argument(help="As `history` shows it, or its beginning.")],
    as_json: AsJson = False,
) -> None:
    """Show one decision with the interval that it was made by and how all lineages stood."""
    made = {update.decision_id: update for update in decisions(_updates(load_settings()))}
    hint = "`lifelong models history` shows them"
    update = made[one_of(decision_id, list(made), what="decision", hint=hint)]
    if as_json:
        put_json(update)
        return
    console = Console(highlight=False)
    console.print(history_table(console, [update]))
    if update.difference is not None:
        console.print(f"difference to {update.against or 'the champion'}: {interval(update.difference)}")
    if update.variant_statuses:
        console.print(variant_table(console, update))


def promote(
    variant: Annotated[str, typer.Argument(help="As `list` shows it.")] = "",
    weights: WeightsFile = None,
    reason: Reason = "",
) -> None:
    """Have a lineage serve, or weights from a file. The gate guards it: if it is worse, it is rolled back."""
    if bool(variant) == (weights is not None):
        raise NothingToDecide("name a lineage, as `lifelong models list` shows it, or --weights FILE; not both")
    settings = load_settings()
    if variant:
        refuse_unknown(variant, known_variants(settings, _updates(settings)))
    uri, sha256 = keep_weights(weights, settings) if weights is not None else ("", "")
    _send(settings, replace(_command("promote", reason), variant=variant, uri=uri, sha256=sha256))


def known_variants(settings: Settings, found: Iterable[ModelUpdate]) -> list[str]:
    """The lineages that may serve: those that the trainer announced last, and those that the settings name."""
    announced = [[each.variant for each in update.variant_statuses] for update in found if update.variant_statuses]
    return sorted({FIRST_LINEAGE, *settings.trainer.challengers, *(announced[-1] if announced else ())})


def refuse_unknown(variant: str, known: list[str]) -> None:
    """Refuse a lineage that nobody has heard of: the trainer would, minutes later and elsewhere.

    Raises:
        NoSuch: it is not among these; the message names them.
    """
    if variant not in known:
        raise NoSuch(f"there is no lineage {variant!r} to promote: there are {known}; {nearest(variant, known)}")


def rollback(reason: Reason = "") -> None:
    """Have the champion before serve again."""
    _send(load_settings(), _command("rollback", reason))


def keep_weights(path: Path, settings: Settings) -> tuple[str, str]:
    """Copy a weights file to where the trainer finds it, also when it learns the log anew: its place and SHA-256.

    Raises:
        UnusableWeights: it is not fit to serve.
    """
    columns = FeatureTable(external_rows(settings)).columns
    sha256 = digest(path.read_bytes())
    load_weights(path, sha256, columns=columns)
    kept = settings.data_dir / "models" / "ranker" / "loaded" / f"{sha256[:16]}.npz"
    kept.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, kept)
    return str(kept.absolute()), sha256


def _send(settings: Settings, command: Command) -> None:
    """Put a command at the end of the ranking log: so that its place among the examples is known for good."""
    reach_kafka(settings, RANKING_LOG)
    [(_, offset)] = make_publisher(settings, receipts=True).deliver(RANKING_LOG, [(None, encode(command))])
    Console().print(f"The trainer will decide at offset {offset} of its log; `lifelong models history` tells.")


def _command(action: Literal["promote", "rollback"], reason: str) -> Command:
    return Command(entry_id=uuid4().hex, event_time=wall_clock(), action=action, reason=reason)


def _updates(settings: Settings) -> list[ModelUpdate]:
    return updates(read_updates(reach_kafka(settings, MODEL_UPDATES)))


def read_updates(cluster: Cluster) -> list[Inbound]:
    """All records about models, in their order."""
    reader = KafkaTableReader(cluster, (MODEL_UPDATES,))
    try:
        return reader.catch_up()
    finally:
        reader.close()


def updates(records: Iterable[Inbound]) -> list[ModelUpdate]:
    """What they say; what is no update is passed over."""
    found = []
    for record in records:
        try:
            found.append(decode(MODEL_UPDATES, record.value, now=wall_clock()))
        except DecodeError:
            continue
    return found


def decisions(found: Iterable[ModelUpdate]) -> list[ModelUpdate]:
    """Decisions in their order, each once: one that a crash cut short is made again under the same id."""
    return list({update.decision_id: update for update in found if update.decision_id}.values())


def variant_table(console: Console, update: ModelUpdate) -> RenderableType:
    """Lineages as people read them, the one that serves first."""
    title = f"version {update.version} · {update.examples} examples learned · lists: mrr {update.score:.3f}"
    rows = []
    for each in update.variant_statuses:
        scores = (f"{each.gain:.4f}", f"{each.hit_rate:.3f}", f"{each.loss:.3f}") if each.examples else ("-", "-", "-")
        rows.append((each.variant, each.role, each.config, str(each.examples), *scores, escape(_difference_of(each))))
    return listing(console, VARIANT_COLUMNS, rows, title=title)


def history_table(console: Console, made: Iterable[ModelUpdate]) -> RenderableType:
    """Decisions as people read them."""
    rows = []
    for update in made:
        when = datetime.fromtimestamp(update.wall_time, UTC).strftime("%Y-%m-%d %H:%M:%S")
        own = (update.decision, update.variant, update.against, update.by, str(update.version))
        rows.append((update.decision_id, when, *own, escape(update.reason)))
    return listing(console, HISTORY_COLUMNS, rows)


def _difference_of(variant_status: VariantStatus) -> str:
    if variant_status.role == "champion":
        return ""
    return interval(variant_status.difference) if variant_status.difference is not None else "not compared now"


def interval(found: Difference) -> str:
    """A difference with its bounds.

    >>> interval(Difference(mean=0.01, lower=0.002, upper=0.03, people=640))
    '+0.0100 [+0.0020, +0.0300] over 640'
    """
    return f"{found.mean:+.4f} [{found.lower:+.4f}, {found.upper:+.4f}] over {found.people}"
