"""``lifelong config``: show every setting with its source, and print an example file."""

from __future__ import annotations

import json

import typer
from rich.markup import escape

from deploy.cli.shown import AsJson, Column, listing, put_json
from deploy.cli.terminal import Console
from deploy.settings import load_layers
from deploy.settings.listing import example, sourced

SETTING_COLUMNS = (Column("setting"), Column("value", prose=True), Column("source", prose=True))


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    config = typer.Typer(help="Settings: show, example.", no_args_is_help=True)
    config.command("show")(show)
    config.command("example")(show_example)
    app.add_typer(config, name="config")


def show(
    changed: bool = typer.Option(False, "--changed", help="Show only settings that differ from their default."),
    as_json: AsJson = False,
) -> None:
    """Show every setting with its value and the source that named it; secrets are masked."""
    settings, layers = load_layers()
    shown = [setting for setting in sourced(settings, layers) if not changed or setting.source != "default"]
    if as_json:
        put_json(shown)
        return
    rows = [(setting.name, escape(json.dumps(setting.value)), escape(setting.source)) for setting in shown]
    console = Console(highlight=False)
    console.print(listing(console, SETTING_COLUMNS, rows) if rows else "Everything is at its default.")


def show_example(as_json: AsJson = False) -> None:
    """Print a commented lifelong.toml that names every setting: `lifelong config example > lifelong.toml`."""
    if as_json:
        put_json({"toml": example()})
    else:
        typer.echo(example(), nl=False)
