"""``lifelong logs``: show and follow the logs of servers and processes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.shown import AsJson, NoSuch, put_json_line
from deploy.cli.terminal import put_line
from deploy.embedded.environment import user_cache_dir
from deploy.embedded.flink import FLINK_SERVERS
from deploy.embedded.layout import DataLayout
from deploy.embedded.logs import FollowedLog, last_lines, prefixed, width_of
from deploy.embedded.programs import OWN_PROCESSES
from deploy.embedded.stack import SERVERS
from deploy.settings import SettingsError, load_settings
from deploy.settings.checks import nearest

POLL_SECONDS = 0.3
LOG_NAMES = (
    *(server.name for server in (*SERVERS, *FLINK_SERVERS)),
    *(own.name for own in OWN_PROCESSES),
    "supervisor",
)


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    app.command("logs")(logs)


def complete(incomplete: str) -> list[str]:
    """Return the log names that begin with the text, for shell completion."""
    return [name for name in LOG_NAMES if name.startswith(incomplete)]


def logs(
    name: Annotated[str, typer.Argument(help="Name as `status` shows it; default: all.", autocompletion=complete)] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Follow new lines until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many of the last lines of each log.", min=0)] = 20,
    as_json: AsJson = False,
) -> None:
    """Show the end of the log of a server or process of this stack; with --json one object per line."""
    paths = _paths(name)
    for log_name, path in paths.items():
        _put(paths, log_name, last_lines(path, lines), as_json)
    if not follow:
        return
    followed = {log_name: FollowedLog(path) for log_name, path in paths.items()}
    try:
        while True:
            for log_name, log in followed.items():
                _put(paths, log_name, log.new_lines(), as_json)
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        return


def _paths(name: str) -> dict[str, Path]:
    """Return the existing log files by name.

    Raises:
        NoSuch: the name is not one of the stack's.
        SettingsError: no such file exists; the message names the folder.
    """
    if name and name not in LOG_NAMES:
        raise NoSuch(f"there is no log of {name!r}: {nearest(name, LOG_NAMES)}")
    layout = DataLayout.of(load_settings(with_endpoints=False).data_dir, user_cache_dir())
    paths = {log_name: layout.log(log_name) for log_name in LOG_NAMES if log_name == name or not name}
    existing = {log_name: path for log_name, path in paths.items() if path.is_file()}
    if not existing:
        raise SettingsError(
            f"there is no log{f' of {name}' if name else ''} in {str(layout.logs)!r}: nothing has run there"
        )
    return existing


def _put(paths: Mapping[str, Path], name: str, lines: list[str], as_json: bool) -> None:
    if as_json:
        for line in lines:
            put_json_line({"name": name, "line": line})
        return
    for line in prefixed(name, lines, width_of(paths)) if len(paths) > 1 else lines:
        put_line(line)
