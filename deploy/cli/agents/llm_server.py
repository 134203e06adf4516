"""``lifelong llm-server``: serve a small language model on loopback, to try the planner with."""

from __future__ import annotations

import signal
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command of this file to ``app``."""
    app.command("llm-server", rich_help_panel="Processes")(llm_server)


def llm_server(
    port: Annotated[int, typer.Option(help="The port of 127.0.0.1 to listen on.")] = 8_901,
    threads: Annotated[int, typer.Option(help="Threads to compute with.")] = 1,
) -> None:
    """Serve a small language model, offline and on the CPU, for `llm.url`: to try it, not to plan well."""
    from deploy.language_model.small_model import start_small_model

    server = start_small_model(port, threads=threads)
    typer.echo(f"listening on {server.listening_address}/v1", err=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
