"""The reference of the command line: every command of `lifelong` with its arguments and options."""

from __future__ import annotations

from typing import Any

import typer
from typer.cli import get_docs_for_click

from deploy.cli.app import make_app
from deploy.reference.markdown import prose, table

CLI_INTRODUCTION = """\
`lifelong COMMAND --help` prints the same. Commands that answer with data take `--json`; the exit status is 0 on
success, 1 on a failure that the message explains, and 2 for wrong arguments.
"""


def cli_page() -> str:
    """Return the page as Markdown: a table of commands, then each as Typer documents it."""
    command = typer.main.get_command(make_app())
    context = typer.Context(command, info_name="lifelong")
    body = get_docs_for_click(obj=command, ctx=context, name="lifelong", title="Command line")
    _, *commands = body.split("\n## ")
    rows = [(f"[`{name}`](#lifelong-{name})", _sentence(entry.help)) for name, entry in _commands(command).items()]
    summary = "\n\n".join(["# Command line", CLI_INTRODUCTION, table(("command", "what it does"), rows)])
    return "\n\n## ".join([summary, *(section.replace("<", "&lt;") for section in commands)]) + "\n"


def _commands(group: object) -> dict[str, Any]:
    return dict(getattr(group, "commands", {}))


def _sentence(text: str | None) -> str:
    """Return the first paragraph of a command's help."""
    return prose(text).split("\n\n")[0]
