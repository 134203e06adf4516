"""Build and run the command line ``lifelong``. Each file registers its own commands; they share the table below."""

from __future__ import annotations

import logging
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import typer

from deploy.cli.commands import command_files
from deploy.printable import PrintableFormatter
from schemas.errors import LifelongError


def make_app(words: Sequence[str] = ()) -> typer.Typer:
    """Return the command line with the commands of every file.

    If `words` begin with the name of a command, there are only those of its file: all of them take seconds to load,
    and 40 MB of a process that is to run for long.
    """
    app = typer.Typer(
        name="lifelong",
        help="Streaming personalization: events in, recommendation lists out.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for file in command_files(words):
        file.register(app)
    return app


def _show_version(requested: bool) -> None:
    if requested:
        typer.echo(f"lifelong {version('lifelong')}, Python {platform.python_version()}")
        raise typer.Exit


def _options(
    shown: Annotated[
        bool, typer.Option("--version", "-V", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Streaming personalization: events in, recommendation lists out."""


def main() -> None:
    """Run a command; print an expected error in one line, without a traceback."""
    for name in ("librdkafka", "pymilvus"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if logging.lastResort is not None:
        # Warnings about unreadable records go straight to standard error, and quote them.
        logging.lastResort.setFormatter(PrintableFormatter())
    try:
        make_app(sys.argv[1:])()
    except LifelongError as exc:
        _fail(_explained(exc))
    except (OSError, UnicodeDecodeError) as exc:
        _fail(unreadable(exc))


def _explained(exc: LifelongError) -> str:
    """Return the message, with where the servers and settings were read from if it may depend on them."""
    from deploy.cli.shown import NoSuch, NothingDone, origin
    from deploy.files.errors import UnreadableFile

    return str(exc) if isinstance(exc, NoSuch | NothingDone | UnreadableFile) else f"{exc} (read: {origin()})"


def unreadable(exc: OSError | UnicodeDecodeError) -> str:
    """Return the operating system's message about a file, with the file's name.

    >>> unreadable(FileNotFoundError(2, "No such file or directory", "a.csv"))
    "'a.csv': No such file or directory"
    """
    if isinstance(exc, UnicodeDecodeError):
        return f"a file is not text in UTF-8: {exc}"
    return f"{exc.filename!r}: {exc.strerror}" if exc.filename is not None else str(exc)


def _fail(text: str) -> None:
    from rich.markup import escape

    from deploy.cli.terminal import Console

    Console(stderr=True, highlight=False).print(f"[red]✗[/] {escape(text)}", soft_wrap=True)
    sys.exit(1)
