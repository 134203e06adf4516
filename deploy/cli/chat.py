"""``lifelong chat``: converse with a user's agent in the terminal, through the running gateway."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.markup import escape

from deploy.cli.shown import AsJson, NothingDone, put_json_line
from deploy.cli.terminal import Console
from deploy.embedded.http import DIRECT
from deploy.settings import Settings, load_settings

PROMPT = "> "
_ANSWER_SECONDS = 30.0


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
        answer = _ask(settings, user, {"text": said, "conversation_id": conversation})
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


def _ask(settings: Settings, user: str, body: dict[str, str]) -> Any:
    """Return the gateway's answer.

    Raises:
        NothingDone: the gateway is away, or refuses.
    """
    key = settings.gateway.api_keys[0].get_secret_value() if settings.gateway.api_keys else ""
    url = f"{settings.gateway.url}/v1/users/{quote(user, safe='')}/chat"
    headers = {"Content-Type": "application/json", "X-API-Key": key}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")
    try:
        with DIRECT.open(request, timeout=_ANSWER_SECONDS) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as exc:
        detail = exc.read(2_000).decode(errors="replace")
        exc.close()
        raise NothingDone(f"the gateway answered {exc.code}: {detail}") from exc
    except (OSError, ValueError) as exc:
        raise NothingDone(f"the gateway at {url} does not answer: {exc}; `lifelong status` shows it") from exc
