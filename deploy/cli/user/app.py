"""The commands of ``lifelong user``."""

from __future__ import annotations

import typer

from deploy.cli.user import erase, instruct, page


def register(app: typer.Typer) -> None:
    """Add ``user`` with its commands to ``app``."""
    user = typer.Typer(help="Read, steer and correct what is believed of a user.", no_args_is_help=True)
    for name, command in {**page.PAGE_COMMANDS, **instruct.INSTRUCT_COMMANDS, **erase.ERASE_COMMANDS}.items():
        user.command(name)(command)
    app.add_typer(user, name="user")
