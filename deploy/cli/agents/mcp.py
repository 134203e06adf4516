"""``lifelong mcp``: serve tools to agents by the Model Context Protocol."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from deploy.cli.shown import NothingDone
from deploy.gateway.access.scopes import USER_SCOPES, UserScope
from deploy.printable import PrintableFormatter
from deploy.settings import load_settings
from schemas.errors import PackagesMissing
from schemas.ids import UserId


def register(app: typer.Typer) -> None:
    """Add the command of this file to ``app``."""
    app.command("mcp", rich_help_panel="Processes")(mcp)


def mcp(
    user: Annotated[str, typer.Option(help="Act for this user; none: for the user of the setting tools.token.")] = "",
    scopes: Annotated[
        str, typer.Option(help="What the agent may do for them: lists, memories, or both, separated by commas.")
    ] = "lists,memories",
    http_port: Annotated[
        int, typer.Option(help="Serve by HTTP at /mcp of this port: each request brings the token of its user.")
    ] = 0,
    http_host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
) -> None:
    """Serve tools to agents by the Model Context Protocol, on standard input and output or by HTTP.

    Tools act through the gateway, with the permissions of one user's token.
    """
    settings = load_settings()
    try:
        from deploy.agent_tools.serving import run_http, run_stdio
    except ModuleNotFoundError as exc:
        raise PackagesMissing(f"{exc.name!r} is missing: agents are served by packages of the extra `mcp`") from exc
    handler = logging.StreamHandler()
    handler.setFormatter(PrintableFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    if http_port:
        run_http(settings, http_host, http_port)
    elif user or settings.tools.token.get_secret_value():
        run_stdio(settings, UserId(user), named_scopes(scopes))
    else:
        raise NothingDone("for whom? Name a --user, or set tools.token to the token of one")


def named_scopes(text: str) -> tuple[UserScope, ...]:
    """Return the scopes that a text names.

    Raises:
        NothingDone: one of them is none that a user's token may have.

    >>> named_scopes("lists, memories")
    ('lists', 'memories')
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in USER_SCOPES]
    if unknown or not names:
        raise NothingDone(f"--scopes {text!r}: name some of {', '.join(USER_SCOPES)}")
    return tuple(scope for scope in USER_SCOPES if scope in names)
