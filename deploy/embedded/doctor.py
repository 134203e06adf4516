"""``lifelong doctor``: checks whether this machine can run the stack, and whether running servers are healthy.

Each check is a pure function of facts; ``examine`` gathers the facts.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import psutil

from deploy.embedded import milvus, triton
from deploy.embedded.choices import PORT_NAMES, is_free
from deploy.embedded.interfaces import answering, is_loopback, other_addresses
from deploy.embedded.locked_environment import PYTHON
from deploy.embedded.packages import missing_packages
from deploy.embedded.processes import listening_ports, owner_of
from deploy.embedded.server import Download, StackError
from deploy.embedded.stack import Stack
from deploy.embedded.status import StatusRow
from deploy.settings import Settings
from inference.kernels.compiler import is_available

if TYPE_CHECKING:
    from deploy.flink.jobs import JobRow

Level = Literal["ok", "warning", "problem"]
GLIBC_NEEDED = (2, 35)
DISK_MB_NEEDED = 2_000
MEMORY_MB_NEEDED = 3_000


@dataclass(frozen=True)
class Check:
    """A check's result: ``says`` is the finding, ``do`` what to do about it (empty if nothing)."""

    name: str
    level: Level
    says: str
    do: str = ""


def check_platform(system: str, machine: str) -> Check:
    """Check the platform: the server wheels exist for Linux x86-64 only.

    >>> check_platform("Darwin", "arm64").level
    'problem'
    """
    says = f"{system} on {machine}"
    if (system, machine) == ("Linux", "x86_64"):
        return Check("platform", "ok", says)
    return Check(
        "platform", "problem", says, "the embedded servers need Linux x86-64; name your own servers in the settings"
    )


def check_glibc(version: str) -> Check:
    """Check for glibc 2.35, which Triton's wheel needs.

    >>> check_glibc("2.36").level, check_glibc("2.31").level, check_glibc("").level
    ('ok', 'problem', 'problem')
    """
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers >= GLIBC_NEEDED:
        return Check("glibc", "ok", version)
    return Check("glibc", "problem", version or "not found", "needs glibc 2.35 or later: Debian 12, Ubuntu 22.04")


def check_python(version: tuple[int, int]) -> Check:
    """Check for Python 3.11 or 3.12.

    >>> check_python((3, 11)).level, check_python((3, 9)).level
    ('ok', 'problem')
    """
    says = ".".join(map(str, version))
    if (3, 11) <= version < (3, 13):
        return Check("python", "ok", says)
    return Check("python", "problem", says, "install Python 3.11 and run `make setup` again")


def check_disk(free_mb: int, downloads: Sequence[Download]) -> Check:
    """Check for disk space for downloads and some data."""
    needed = DISK_MB_NEEDED + sum(download.megabytes for download in downloads)
    says = f"{free_mb:,} MB free, about {needed:,} MB needed"
    if free_mb >= needed:
        return Check("disk", "ok", says)
    return Check("disk", "problem", says, "free some space, or set XDG_CACHE_HOME and data_dir to a larger disk")


def check_memory(available_mb: int, running: bool) -> Check:
    """Check for memory for the servers, unless they already run."""
    says = f"{available_mb:,} MB available"
    if running or available_mb >= MEMORY_MB_NEEDED:
        return Check("memory", "ok", says)
    return Check("memory", "warning", says, f"the stack takes about {MEMORY_MB_NEEDED:,} MB; close something large")


def check_packages(missing: Sequence[str]) -> Check:
    """Check that all packages of the embedded extra are installed.

    >>> check_packages(["uv"]).do
    'run `make setup`, or install lifelong[embedded]'
    """
    if not missing:
        return Check("packages", "ok", "all installed")
    return Check(
        "packages", "problem", f"missing: {', '.join(missing)}", "run `make setup`, or install lifelong[embedded]"
    )


def check_kernels(installed: bool) -> Check:
    """Check that ranking can run compiled kernels, which only cost less: lists are the same without."""
    if installed:
        return Check("kernels", "ok", "numba is installed: they are compiled")
    do = "run `make setup`, or install lifelong[kernels]: a list then costs two fifths less"
    return Check("kernels", "warning", "numba is not installed: their numpy versions run", do)


def check_ports(owners: Mapping[str, str]) -> Check:
    """Check that no chosen port is used by another process; ``owners`` maps used ports to the process."""
    if not owners:
        return Check("ports", "ok", "free, or used by this stack")
    says = "; ".join(f"{port} is used by {owner or 'another process'}" for port, owner in owners.items())
    return Check("ports", "problem", says, "stop it, or set another port in [embedded], or remove choices.json")


def check_caches(downloads: Sequence[Download]) -> Check:
    """Check that everything that the servers need is in the cache."""
    if not downloads:
        return Check("caches", "ok", "complete")
    says = "missing: " + ", ".join(f"{download.what}, {download.megabytes:,} MB" for download in downloads)
    return Check("caches", "warning", says, "nothing: `lifelong up` fetches them")


def check_data_dir(data_dir: Path, writeable: bool) -> Check:
    """Check that the data directory can be written."""
    if writeable:
        return Check("data directory", "ok", str(data_dir))
    do = "make it writable, or set data_dir (LIFELONG_DATA_DIR) to a directory that is"
    return Check("data directory", "problem", f"{str(data_dir)!r} cannot be written", do)


def check_python_library(installed: bool) -> Check:
    """Check for the library that Triton's Python backend loads."""
    if installed:
        return Check("libpython", "ok", f"libpython{PYTHON} is installed")
    do = f"install your distribution's libpython{PYTHON}, or a Python built with --enable-shared"
    return Check("libpython", "warning", f"libpython{PYTHON}.so was not found", do)


def check_milvus_network(network: str, refusal: str) -> Check:
    """Check that nobody else reaches Milvus's inner ports; ``refusal`` says why it is not started.

    >>> check_milvus_network("private", "").level, check_milvus_network("", "not started").level
    ('ok', 'problem')
    """
    if refusal:
        return Check("milvus's network", "problem", refusal.removesuffix(f"; {milvus.WHAT_TO_DO}"), milvus.WHAT_TO_DO)
    if network == "exposed":
        return Check("milvus's network", "warning", milvus.EXPOSED, milvus.WHAT_TO_DO)
    private = "one of its own; its inner ports and etcd are reached by nobody else"
    return Check("milvus's network", "ok", private if network == "private" else "this machine has loopback alone")


def check_reach(
    addresses: Sequence[str],
    ports: Mapping[int, str],
    open_ports: Sequence[tuple[str, int]],
    wanted: Collection[str] = (),
) -> Check:
    """Check that no port of the stack answers outside loopback but the ``wanted`` ones; ``ports`` are those that were
    tried, by number, and ``open_ports`` the addresses and ports that accepted a connection.

    >>> check_reach(["10.0.0.7"], {6379: "redis"}, []).says
    'none of 1 ports answers at 10.0.0.7'
    """
    if not addresses:
        return Check("reach", "ok", "this machine has no address but loopback")
    if not open_ports:
        return Check("reach", "ok", f"none of {len(ports)} ports answers at {', '.join(addresses)}")
    says = "; ".join(f"{ports[port]} answers at {address} port {port}" for address, port in open_ports)
    if all(ports[port] in wanted for _, port in open_ports):
        return Check("reach", "ok", f"{says}, as the settings say")
    do = "stop what should not be reached from other machines, or put a firewall before it"
    return Check("reach", "problem", says, do)


def check_server(row: StatusRow) -> Check:
    """Check that a running server or process is healthy."""
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


def check_job(row: JobRow, keeper: str) -> Check:
    """Check that a job on Flink runs.

    >>> from deploy.flink.jobs import JobRow
    >>> check_job(JobRow("users", "running", tasks=2, checkpoint_age=4.2), "worker").says
    'runs with 2 tasks, newest checkpoint 4 s old'
    """
    name = f"job {row.job}"
    if row.state != "running":
        return Check(name, "problem", row.state, f"see `lifelong logs {keeper}` and `lifelong logs taskmanager`")
    age = "no checkpoint yet" if row.checkpoint_age is None else f"newest checkpoint {row.checkpoint_age:,.0f} s old"
    return Check(name, "ok", f"runs with {row.tasks} tasks, {age}")


def examine(base: Settings) -> list[Check]:
    """Run all checks of this machine and of the stack of ``base``, in the order in which to fix problems."""
    first = [
        check_platform(platform.system(), platform.machine()),
        check_glibc(platform.libc_ver()[1]),
        check_python(sys.version_info[:2]),
        check_packages(missing_packages()),
        check_kernels(is_available()),
    ]
    stack = Stack(base)
    downloads, running = stack.downloads(), stack.running()
    data_dir = stack.layout.data_dir
    return [
        *first,
        check_python_library(triton.library_dir() is not None),
        check_data_dir(data_dir, os.access(_existing(data_dir), os.W_OK)),
        check_disk(shutil.disk_usage(_existing(data_dir)).free // 1_000_000, downloads),
        check_memory(psutil.virtual_memory().available // 1_000_000, running),
        check_caches(downloads),
        check_ports({} if running else _used_ports(stack.ports())),
        *_milvus_network(stack),
        *([_reach(stack)] if running else []),
        *map(check_server, stack.status()),
        *(_jobs(stack) if running else []),
    ]


def _jobs(stack: Stack) -> list[Check]:
    """Look at the jobs on Flink whose keepers run; a cluster that does not answer is a server's problem."""
    # Loaded here: it takes a fifth of a second, and few stacks have jobs.
    from deploy.clients import wall_clock
    from deploy.flink.cluster import FlinkUnavailable
    from deploy.flink.jobs import KEEPERS, job_of, look

    settings, pids = stack.settings(), stack.pids()
    engines = {"worker": settings.worker.engine, "statistics": settings.statistics.engine}
    kept = [name for name, keeper in KEEPERS.items() if engines[keeper] == "flink" and keeper in pids]
    checks = []
    for name in kept:
        with suppress(FlinkUnavailable):
            checks.append(check_job(look(name, job_of(name, settings), now=wall_clock()), KEEPERS[name]))
    return checks


def _milvus_network(stack: Stack) -> list[Check]:
    if not any(server.name == "milvus" for server in stack.embedded()):
        return []
    try:
        return [check_milvus_network(milvus.network_here(stack.base.embedded), "")]
    except StackError as exc:
        return [check_milvus_network("", str(exc))]


def _reach(stack: Stack) -> Check:
    """Try every port of the running stack, chosen or listened on, at every address of this machine but loopback."""
    tried = dict.fromkeys(listening_ports(stack.layout.data_dir), "a process of the stack")
    tried |= {port: name for name, port in stack.ports().items()}
    addresses = other_addresses()
    return check_reach(addresses, tried, answering(addresses, tried), _opened(stack.base))


def _opened(base: Settings) -> set[str]:
    """Return the names of the ports that the settings open to other machines."""
    opened = set() if is_loopback(base.gateway.host) else {"gateway"}
    if milvus.is_exposed(base.embedded):
        opened |= {name for name in PORT_NAMES if name.startswith("milvus")}
    return opened


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)


def _used_ports(ports: Mapping[str, int]) -> dict[str, str]:
    return {f"{port} ({name})": owner_of(port) for name, port in ports.items() if not is_free(port)}
