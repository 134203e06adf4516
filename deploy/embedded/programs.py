"""Our own programs in the stack: a table."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.environment import settings_environment
from deploy.embedded.http import problem_at
from deploy.embedded.server import Program, Site

START_SECONDS = 90.0


@dataclass(frozen=True)
class Own:
    """A program of ours: what it is called on the command line, and which page says that it is well."""

    name: str
    page: str

    def url(self, port: int) -> str:
        return f"http://127.0.0.1:{port}"

    def problem(self, port: int) -> str:
        """Empty if its page is answered well."""
        return problem_at(f"{self.url(port)}{self.page}")


# In the order in which they are started.
OWN = (
    Own("worker", "/metrics"),
    Own("statistics", "/metrics"),
    Own("trainer", "/metrics"),
    Own("projector", "/metrics"),
    Own("gateway", "/health/ready"),
)
# What must have run before them.
SETUP_COMMAND = ("topics", "create")


def command(*words: str) -> tuple[str, ...]:
    """A command of ours, run by this very Python."""
    return (sys.executable, "-m", "deploy.cli", *words)


def own_environment(site: Site, config: Path) -> dict[str, str]:
    """The settings of a program of ours, with nothing left to be looked up relative to where it runs."""
    own_file = {"LIFELONG_CONFIG": str(config.absolute())} if config.is_file() else {}
    return settings_environment() | own_file | {"LIFELONG_DATA_DIR": str(site.layout.data_dir)}


def own_programs(site: Site, config: Path) -> list[Program]:
    """How each of ``OWN`` is run under the supervisor: after the servers, stopped before them."""
    environment = own_environment(site, config)
    return [Program(own.name, command(own.name), Path.cwd(), environment, priority=200) for own in OWN]
