"""The whole of ``lifelong``. Each file adds its own commands; the table below is all that is shared."""

from __future__ import annotations

import logging
import platform
import sys
from importlib.metadata import version
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from deploy.cli import (
    backtest,
    bench,
    config,
    dead_letters,
    demo,
    evaluate,
    events,
    experiment,
    files,
    logs,
    look,
    models,
    monitoring,
    processes,
    rebuild,
    stack,
    topics,
)
from deploy.cli.shown import NoSuch, NothingDone, origin
from deploy.files.errors import UnreadableFile
from schemas.errors import LifelongError

COMMANDS = (
    stack,
    logs,
    config,
    topics,
    files,
    events,
    look,
    models,
    dead_letters,
    rebuild,
    evaluate,
    experiment,
    demo,
    backtest,
    bench,
    monitoring,
    processes,
)
NOT_ABOUT_SERVERS = (NoSuch, NothingDone, UnreadableFile)
"""What goes wrong whichever servers and settings there are: where those were read from would tell nothing."""


def make_app() -> typer.Typer:
    """The whole command line."""
    app = typer.Typer(
        name="lifelong",
        help="Events in, recommendations out, learning for a lifetime.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for commands in COMMANDS:
        commands.register(app)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lifelong {version('lifelong')}, Python {platform.python_version()}")
        raise typer.Exit


def _options(
    shown: Annotated[
        bool, typer.Option("--version", "-V", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Events in, recommendations out, learning for a lifetime."""


def main() -> None:
    """Run a command; what we foresaw going wrong is said in a line, without a traceback."""
    for name in ("librdkafka", "pymilvus"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        make_app()()
    except NOT_ABOUT_SERVERS as exc:
        _fail(str(exc))
    except LifelongError as exc:
        _fail(f"{exc} (read: {origin()})")
    except (OSError, UnicodeDecodeError) as exc:
        _fail(unreadable(exc))


def unreadable(exc: OSError | UnicodeDecodeError) -> str:
    """What the system says of a file, with its name.

    >>> unreadable(FileNotFoundError(2, "No such file or directory", "a.csv"))
    "'a.csv': No such file or directory"
    """
    if isinstance(exc, UnicodeDecodeError):
        return f"a file is no text in UTF-8: {exc}"
    return f"{exc.filename!r}: {exc.strerror}" if exc.filename is not None else str(exc)


def _fail(text: str) -> None:
    Console(stderr=True, highlight=False).print(f"[red]✗[/] {escape(text)}", soft_wrap=True)
    sys.exit(1)
