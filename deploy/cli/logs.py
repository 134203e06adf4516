"""``lifelong logs``: what servers and processes wrote, and what they write."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.shown import AsJson, NoSuch, put_json_line
from deploy.embedded.environment import user_cache_dir
from deploy.embedded.layout import DataLayout
from deploy.embedded.logs import Followed, last_lines, prefixed, width_of
from deploy.embedded.programs import OWN
from deploy.embedded.stack import SERVERS
from deploy.settings import SettingsError, load_settings
from deploy.settings_checks import nearest

POLL_SECONDS = 0.3
LOG_NAMES = (*(server.name for server in SERVERS), *(own.name for own in OWN), "supervisor")


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    app.command("logs")(logs)


def complete(incomplete: str) -> list[str]:
    """The names that begin so, for the shell."""
    return [name for name in LOG_NAMES if name.startswith(incomplete)]


def logs(
    name: Annotated[str, typer.Argument(help="As `status` shows it; none: all of them.", autocompletion=complete)] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written, until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many of the last lines of each.", min=0)] = 20,
    as_json: AsJson = False,
) -> None:
    """Show the end of the log of a server or process of this stack; with --json an object for each line."""
    paths = _paths(name)
    for each, path in paths.items():
        _put(paths, each, last_lines(path, lines), as_json)
    if not follow:
        return
    followed = {each: Followed(path) for each, path in paths.items()}
    try:
        while True:
            for each, log in followed.items():
                _put(paths, each, log.new_lines(), as_json)
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        return


def _paths(name: str) -> dict[str, Path]:
    """The logs that are there, by name.

    Raises:
        NoSuch: the name is none of the stack's.
        SettingsError: there is no such log; the message says where it was looked for.
    """
    if name and name not in LOG_NAMES:
        raise NoSuch(f"there is no log of {name!r}: {nearest(name, LOG_NAMES)}")
    layout = DataLayout.of(load_settings(with_endpoints=False).data_dir, user_cache_dir())
    found = {each: layout.log(each) for each in LOG_NAMES if each == name or not name}
    there = {each: path for each, path in found.items() if path.is_file()}
    if not there:
        raise SettingsError(
            f"there is no log{f' of {name}' if name else ''} in {str(layout.logs)!r}: nothing ran there"
        )
    return there


def _put(paths: Mapping[str, Path], name: str, lines: list[str], as_json: bool) -> None:
    if as_json:
        for line in lines:
            put_json_line({"name": name, "line": line})
        return
    for line in prefixed(name, lines, width_of(paths)) if len(paths) > 1 else lines:
        typer.echo(line)
