"""``lifelong check``: show how files would be read; and the options that commands reading files share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from deploy.cli.terminal import put_encoded, put_line, put_lines
from deploy.clients import wall_clock

if TYPE_CHECKING:
    from deploy.files.checking import Files, LoadedFile
    from deploy.files.options import Typed

FILE_KINDS = "CSV, TSV, .dat, .inter, JSON, JSON lines or Parquet; also compressed."
EventsFile = Annotated[Path | None, typer.Argument(help=f"Events: {FILE_KINDS}", show_default=False)]
ItemsFile = Annotated[Path | None, typer.Option("--items", help="A catalogue, in one of the same formats.")]
Limit = Annotated[int | None, typer.Option(help="Use only the first rows, this many, in event-time order.")]
Map = Annotated[str, typer.Option("--map", help="Which column is which: user=…,item=…,time=…,value=…,type=…")]
ItemsMap = Annotated[str, typer.Option(help="The same for the catalogue: item=…,title=…,text=…,categories=…,price=…")]
Types = Annotated[
    str,
    typer.Option(help="Event types by their names in the file: viewed=view,bought=purchase; or one type for all rows."),
]
Columns = Annotated[str, typer.Option(help="Column names of a file without a header.")]
ItemsColumns = Annotated[str, typer.Option(help="The same for the catalogue.")]
Separator = Annotated[
    str, typer.Option(help="Column separator: tab, comma, semicolon, pipe, space, or the character itself.")
]
ItemsSeparator = Annotated[str, typer.Option(help="The same for the catalogue.")]
Dates = Annotated[str, typer.Option(help="How to read 01/02/2020: day-first, month-first or year-first.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    app.command("check")(check)


def check(
    events: EventsFile = None,
    items: ItemsFile = None,
    columns_map: Map = "",
    items_map: ItemsMap = "",
    types: Types = "",
    columns: Columns = "",
    items_columns: ItemsColumns = "",
    separator: Separator = "",
    items_separator: ItemsSeparator = "",
    dates: Dates = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print it as one JSON object.")] = False,
) -> None:
    """Show how a file of events, a catalogue or both would be read, without sending anything.

    Shows what each column is read as, the first and last event, the numbers of users and items, and the rows that would
    be refused, by reason and with their line numbers. With --items alone, --map, --columns and --separator apply to the
    catalogue.
    """
    from deploy.files.checking import load, nothing_in, open_files
    from deploy.files.options import Typed

    headers = (columns, items_columns, separator, items_separator)
    typed = Typed(events, items, columns_map, items_map, types, *headers, dates)
    loaded = load(open_files(typed, now=wall_clock()), keep=False)
    if as_json:
        empty = {"events": 0, "users": 0, "first": None, "last": None} if events is None else {}
        put_encoded(msgspec.json.encode(empty | msgspec.to_builtins(loaded.report)))
    else:
        put_lines("\n".join(loaded.lines))
    if message := nothing_in(loaded.report):
        put_line(message, err=True)
        raise typer.Exit(1)


def read_and_show(typed: Typed, *, keep: bool = True) -> tuple[Files, LoadedFile]:
    """Read the files of a command, and show on standard error how they were read.

    Without `keep` the events and items are not held in memory: they can be read again from the files.

    Raises:
        UnreadableFile: the files cannot be read, or hold nothing usable.
    """
    from deploy.files.checking import load, nothing_in, open_files
    from deploy.files.errors import UnreadableFile

    files = open_files(typed, now=wall_clock())
    loaded = load(files, keep=keep)
    put_lines("\n".join(loaded.lines) + "\n", err=True)
    if message := nothing_in(loaded.report):
        raise UnreadableFile(message)
    return files, loaded
