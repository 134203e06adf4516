"""Build and run the command line ``lifelong``. Each file registers its own commands; they share the table below."""

from __future__ import annotations

import logging
import platform
import sys
from importlib.metadata import version
from typing import Annotated

import typer
from rich.markup import escape

from deploy.cli import (
    bench,
    config,
    dead_letters,
    demo,
    events,
    files,
    keys,
    logs,
    look,
    models,
    monitoring,
    processes,
    quarantine,
    rebuild,
    stack,
    topics,
)
from deploy.cli.evaluation import backtest, evaluate, experiment
from deploy.cli.shown import NoSuch, NothingDone, origin
from deploy.cli.terminal import Console
from deploy.files.errors import UnreadableFile
from deploy.printable import PrintableFormatter
from schemas.errors import LifelongError

COMMANDS = (
    stack,
    logs,
    config,
    topics,
    keys,
    files,
    events,
    look,
    models,
    dead_letters,
    quarantine,
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
"""Errors that do not depend on servers or settings: their messages do not name where those were read from."""


def make_app() -> typer.Typer:
    """Return the command line with the commands of every file."""
    app = typer.Typer(
        name="lifelong",
        help="Streaming personalization: events in, recommendation lists out.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for commands in COMMANDS:
        commands.register(app)
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
        make_app()()
    except NOT_ABOUT_SERVERS as exc:
        _fail(str(exc))
    except LifelongError as exc:
        _fail(f"{exc} (read: {origin()})")
    except (OSError, UnicodeDecodeError) as exc:
        _fail(unreadable(exc))


def unreadable(exc: OSError | UnicodeDecodeError) -> str:
    """Return the operating system's message about a file, with the file's name.

    >>> unreadable(FileNotFoundError(2, "No such file or directory", "a.csv"))
    "'a.csv': No such file or directory"
    """
    if isinstance(exc, UnicodeDecodeError):
        return f"a file is not text in UTF-8: {exc}"
    return f"{exc.filename!r}: {exc.strerror}" if exc.filename is not None else str(exc)


def _fail(text: str) -> None:
    Console(stderr=True, highlight=False).print(f"[red]✗[/] {escape(text)}", soft_wrap=True)
    sys.exit(1)
