"""``lifelong chat``: converse with a user's agent in the terminal, through the running gateway."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Annotated
from urllib.parse import quote

import typer
from rich.markup import escape

from deploy.cli.gateway_client import ask_gateway
from deploy.cli.shown import AsJson, put_json_line
from deploy.cli.terminal import Console
from deploy.settings import load_settings

PROMPT = "> "


def register(app: typer.Typer) -> None:
    """Add the command of this file to ``app``."""
    app.command("chat")(chat)


def chat(
    user: Annotated[str, typer.Option(help="Id of the user.")],
    once: Annotated[
        str | None, typer.Option(help="Say this, and end; none: every line of the terminal or a pipe.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Converse until an item is accepted: what a user wants, what is asked, one recommendation at a time.

    Nothing is stored. No language model takes part. With --json, one line per answer.
    """
    settings, conversation = load_settings(), ""
    console = Console(highlight=False)
    for said in [once] if once is not None else _lines():
        body = json.dumps({"text": said, "conversation_id": conversation}).encode()
        answer = ask_gateway(settings, "POST", f"/v1/users/{quote(user, safe='')}/chat", body=body)
        conversation = answer["conversation_id"]
        if as_json:
            put_json_line(answer)
        else:
            console.print(escape(answer["text"]))
        if answer["act"] == "done":
            return


def _lines() -> Iterator[str]:
    """Yield what is typed or piped, line by line, without blank ones."""
    while True:
        if sys.stdin.isatty():
            typer.echo(PROMPT, nl=False)
        line = sys.stdin.readline()
        if not line:
            return
        if line.strip():
            yield line.strip()
