"""``lifelong check``: show how files would be read; commands that read files show the same first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from deploy.cli.log_options import takes_log
from deploy.cli.terminal import put_encoded, put_line, put_lines
from deploy.clients import wall_clock

if TYPE_CHECKING:
    from deploy.files.checking import Files, LoadedFile
    from deploy.files.options import Typed


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    app.command("check")(check)


@takes_log(limit=False)
def check(
    typed: Typed, as_json: Annotated[bool, typer.Option("--json", help="Print it as one JSON object.")] = False
) -> None:
    """Show how a file of events, a catalogue or both would be read, without sending anything.

    Shows what each column is read as, the first and last event, the numbers of users and items, and the rows that would
    be refused, by reason and with their line numbers. With --items alone, --map, --columns and --separator apply to the
    catalogue.
    """
    from deploy.files.checking import load, nothing_in, open_files

    loaded = load(open_files(typed, now=wall_clock()), keep=False)
    if as_json:
        empty = {"events": 0, "users": 0, "first": None, "last": None} if typed.events is None else {}
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
