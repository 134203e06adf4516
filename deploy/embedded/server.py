"""The description of an embedded server; the file named after each server fills one in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.embedded.choices import StackChoices
from deploy.embedded.layout import DataLayout
from deploy.settings import EmbeddedSettings, Settings
from schemas.errors import LifelongError


class StackError(LifelongError):
    """The embedded stack cannot do what is requested; the message says why and what to do."""


@dataclass(frozen=True)
class Download:
    """Something that must be fetched before a server can start."""

    what: str
    megabytes: int


@dataclass(frozen=True)
class Program:
    """How the supervisor runs a process."""

    name: str
    command: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_seconds: int = 10
    priority: int = 100


@dataclass(frozen=True)
class Site:
    """The surroundings of a server: paths, ports and passwords, the stack's settings, and how principals are named."""

    layout: DataLayout
    choices: StackChoices
    embedded: EmbeddedSettings
    seed: Path
    principal_prefix: str = "lifelong-"


@dataclass(frozen=True)
class EmbeddedServer:
    """An embedded server.

    ``is_external`` True if the user's settings name a server of their own: then none is started.
    ``endpoint``    its address, for display; never holds a secret.
    ``missing``     what must be fetched first, None if nothing.
    ``fetch``       fetches it into the cache; may block for minutes, may be called again; raises StackError.
    ``program``     writes the configuration and returns how to run it; may be called again; raises StackError where
                    it must not run.
    ``settle``      finishes the first start once the server answers; may be called again; raises StackError.
    ``problem``     empty if the server is healthy, else the reason; blocks for about 3 s at most.
    ``open_to``     who reaches it, and with what credential, in a few words.
    ``optional``    True if lists do not need it: then ``up`` continues without it, and reports a degraded stack.
    """

    name: str
    start_seconds: float
    is_external: Callable[[Settings], bool]
    endpoint: Callable[[Settings], str]
    missing: Callable[[Site], Download | None]
    fetch: Callable[[Site], None]
    program: Callable[[Site], Program]
    settle: Callable[[Site], None]
    problem: Callable[[Settings], str]
    open_to: Callable[[EmbeddedSettings], str]
    optional: bool = False


def nothing_missing(site: Site) -> None:
    """Fetch nothing: for servers that are complete in their wheel."""


def nothing_to_do(site: Site) -> None:
    """Do nothing: for servers that do not need this step."""
