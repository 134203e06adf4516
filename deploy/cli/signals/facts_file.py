"""Tables of facts as the commands read them: how they were read is shown on standard error."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct

from deploy.cli.shown import NothingDone
from deploy.cli.terminal import put_line
from deploy.clients import wall_clock
from schemas.signals import Scope

if TYPE_CHECKING:
    from schemas.signals import ExternalSignal

FACTS_MAP_HELP = (
    "Which column is which: subject=…, source=…, trust=…, recorded=…, from=…, until=…, text=…; attribute=…,value=… for "
    "a row a fact; any other name is that of an attribute: director=made_by."
)
FactsMap = Annotated[str, typer.Option("--facts-map", help=FACTS_MAP_HELP)]


class FactsFile(Struct, frozen=True):
    """A table of facts with the options that say how to read it."""

    path: Path
    columns_map: str = ""
    dates: str = ""
    scope: Scope = "item"
    source: str = ""
    trust: float | None = None


def load_facts(file: FactsFile, *, recorded_at: float | None = None) -> list[ExternalSignal]:
    """Return the signals of a table of facts; rows without a time of recording are recorded at `recorded_at`, else now.

    Raises:
        UnreadableFile: the file cannot be read.
        NothingDone: it holds no fact that can be used.
    """
    from deploy.files.errors import Refused
    from deploy.files.facts import FactFileOptions, parse_facts_map, read_facts

    options = FactFileOptions(
        scope=file.scope,
        source=file.source,
        trust=file.trust,
        columns=parse_facts_map(file.columns_map),
        dates=file.dates,
    )
    table = read_facts(file.path, options, now=wall_clock(), recorded_at=recorded_at)
    refused, left_out = Refused(), Refused()
    signals = list(table.signals(refused, left_out))
    facts = sum(len(signal.facts) for signal in signals)
    read = ", ".join(f"{role} from {column!r}" for role, column in table.columns.named)
    put_line(f"{file.path.name}: {table.rows:,} rows, {len(signals):,} signals, {facts:,} facts; {read}", err=True)
    for title, reasons in (("refused", refused), ("left out", left_out)):
        for reason in reasons.most_common():
            put_line(f"{title}: {reason.count:,} times {reason.reason}, first in row {reason.rows[0]}", err=True)
    if not signals:
        raise NothingDone(f"{str(file.path)!r} holds no fact that can be used")
    return signals
