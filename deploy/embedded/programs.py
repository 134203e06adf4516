"""The table of Lifelong's own processes in the stack."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from deploy.embedded.endpoints import kafka_login
from deploy.embedded.environment import settings_environment
from deploy.embedded.http import problem_at
from deploy.embedded.kernels import CACHE_VARIABLE, kernel_cache
from deploy.embedded.server import Program, Site
from deploy.settings import Settings
from deploy.settings.checks import variable_of

START_SECONDS = 180.0
"""Two jobs that are submitted to Flink at once take a minute of two cores."""
CLIENTS_ONLY = ("CERTIFICATE_REQUIRED", "closed connection")
"""How a server that asks its clients for certificates ends the connection of one without."""


@dataclass(frozen=True)
class OwnProcess:
    """A process of Lifelong: its command's name, and the page that shows its health."""

    name: str
    page: str
    scheme: str = "http"
    for_clients_only: bool = False
    stop_seconds: int = 10

    def under(self, settings: Settings) -> OwnProcess:
        """Return the process as these settings have it: a gateway with a certificate speaks HTTPS alone."""
        gateway = settings.gateway
        if self.name != "gateway" or not gateway.ssl_certificate_location:
            return self
        return replace(self, scheme="https", for_clients_only=bool(gateway.ssl_ca_location))

    def url(self, port: int) -> str:
        return f"{self.scheme}://127.0.0.1:{port}"

    def problem(self, port: int) -> str:
        """Return why its page is not answered; empty if it is, or if it is kept for clients with certificates."""
        problem = problem_at(f"{self.url(port)}{self.page}")
        return "" if self.for_clients_only and any(text in problem for text in CLIENTS_ONLY) else problem


# In the order in which they are started.
OWN_PROCESSES = (
    # With Flink these two stop their jobs with a savepoint.
    OwnProcess("worker", "/metrics", stop_seconds=25),
    OwnProcess("statistics", "/metrics", stop_seconds=25),
    OwnProcess("trainer", "/metrics"),
    OwnProcess("projector", "/metrics"),
    OwnProcess("perceiver", "/metrics"),
    OwnProcess("planner", "/metrics"),
    OwnProcess("gateway", "/health/ready"),
)


def own_processes(settings: Settings) -> tuple[OwnProcess, ...]:
    """Return the processes that these settings run: perceiver and planner only if they are enabled."""
    off = {"perceiver": not settings.perception.enabled, "planner": not settings.llm.enabled}
    return tuple(own for own in OWN_PROCESSES if not off.get(own.name))


COMMAND_LINE = "deploy.cli"
# The command that must run before them.
SETUP_COMMAND = ("topics", "create")


# glibc would give each of a process's threads memory of its own to allocate from, and keep what was freed there.
FEW_ARENAS = {"MALLOC_ARENA_MAX": "2"}


def command(*words: str, module: str = COMMAND_LINE) -> tuple[str, ...]:
    """Return a command line of Lifelong, run by this Python; `module` may be another one that takes the same words."""
    return (sys.executable, "-m", module, *words)


def own_environment(site: Site, config: Path) -> dict[str, str]:
    """Return the settings of a process, with absolute paths."""
    own_file = {"LIFELONG_CONFIG": str(config.absolute())} if config.is_file() else {}
    layout = site.layout
    directories = {"LIFELONG_DATA_DIR": str(layout.data_dir), CACHE_VARIABLE: str(kernel_cache(layout.cache_dir))}
    return settings_environment() | own_file | directories


def own_programs(
    site: Site,
    config: Path,
    *,
    logins: bool,
    module: str = COMMAND_LINE,
    processes: Iterable[OwnProcess] = OWN_PROCESSES,
) -> list[Program]:
    """Return how the supervisor runs each of ``processes``: started after the servers, stopped before them.

    With ``logins`` each has its own login to the embedded broker in its environment, and nobody else's.
    """
    return [_own_program(own, site, config, logins, module) for own in processes]


def _own_program(own: OwnProcess, site: Site, config: Path, logins: bool, module: str) -> Program:
    environment = FEW_ARENAS | own_environment(site, config)
    if logins:
        login = kafka_login(own.name, site.choices, site.principal_prefix)
        environment |= {variable_of(("kafka", name)): value for name, value in login.items()}
    return Program(own.name, command(own.name, module=module), Path.cwd(), environment, own.stop_seconds, priority=200)
