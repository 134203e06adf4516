"""What the stack knows of a server: one row per server, filled in by the file named for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.embedded.choices import StackChoices
from deploy.embedded.layout import DataLayout
from deploy.settings import EmbeddedSettings, Settings
from schemas.errors import LifelongError


class StackError(LifelongError):
    """The embedded stack cannot do what was asked; the message says why and what to do."""


@dataclass(frozen=True)
class Download:
    """Something that must be fetched before a server can start."""

    what: str
    megabytes: int


@dataclass(frozen=True)
class Program:
    """How a process is run under the supervisor."""

    name: str
    command: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_seconds: int = 10
    priority: int = 100


@dataclass(frozen=True)
class Site:
    """Where a server is to run: its paths, its ports and passwords, the settings of the stack."""

    layout: DataLayout
    choices: StackChoices
    embedded: EmbeddedSettings
    seed: Path


@dataclass(frozen=True)
class EmbeddedServer:
    """One embedded server.

    ``given``    True if the user's settings name a server of their own: then none is started.
    ``endpoint`` where it is, for people to read; never holds a secret.
    ``missing``  what must be fetched first, None when it is there.
    ``fetch``    fetches it into the cache; may block for minutes, may be called again; raises StackError.
    ``program``  writes the configuration and returns how to run it; may be called again.
    ``settle``   finishes the first start once the server answers; may be called again; raises StackError.
    ``problem``  empty when the server answers as it should, else the reason; blocks for about 3 s at most.
    ``optional`` True if lists go on without it: then ``up`` goes on, too, and says that it is degraded.
    """

    name: str
    start_seconds: float
    given: Callable[[Settings], bool]
    endpoint: Callable[[Settings], str]
    missing: Callable[[Site], Download | None]
    fetch: Callable[[Site], None]
    program: Callable[[Site], Program]
    settle: Callable[[Site], None]
    problem: Callable[[Settings], str]
    optional: bool = False


def nothing_missing(site: Site) -> None:
    """For servers that are complete in their wheel."""


def nothing_to_do(site: Site) -> None:
    """For servers that need no step of this kind."""
