"""The whole of ``lifelong``. Each file adds its own commands; the table below is all that is shared."""

from __future__ import annotations

import logging
import sys

import typer
from rich.console import Console
from rich.markup import escape

from deploy.cli import (
    bench,
    dead_letters,
    demo,
    evaluate,
    events,
    experiment,
    files,
    look,
    models,
    monitoring,
    processes,
    rebuild,
    replay,
    stack,
    topics,
)
from deploy.settings import SettingsError
from schemas.errors import LifelongError

COMMANDS = (
    stack,
    topics,
    files,
    events,
    look,
    models,
    dead_letters,
    rebuild,
    replay,
    evaluate,
    experiment,
    demo,
    bench,
    monitoring,
    processes,
)


def make_app() -> typer.Typer:
    """The whole command line."""
    app = typer.Typer(
        name="lifelong",
        help="Events in, recommendations out, learning for a lifetime.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for commands in COMMANDS:
        commands.register(app)
    return app


def main() -> None:
    """Run a command; what we foresaw going wrong is said in a line, without a traceback."""
    logging.getLogger("librdkafka").setLevel(logging.CRITICAL)
    try:
        make_app()()
    except (SettingsError, LifelongError) as exc:
        Console(stderr=True).print(f"[red]✗[/] {escape(str(exc))}")
        sys.exit(1)
