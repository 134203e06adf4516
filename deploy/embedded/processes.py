"""Finds the processes of a stack by the mark that each inherits from its supervisor."""

from __future__ import annotations

from pathlib import Path

import psutil

from deploy.embedded.supervisor import MARK


def processes_of(data_dir: Path) -> list[psutil.Process]:
    """Return every living process started for ``data_dir``, including orphans of a killed supervisor."""
    return [process for process in psutil.process_iter() if _mark(process) == str(data_dir)]


def _mark(process: psutil.Process) -> str | None:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return process.environ().get(MARK)
    except psutil.Error:
        # It has ended, or belongs to another user.
        return None


def end_all(data_dir: Path, patience: float) -> list[psutil.Process]:
    """Wait ``patience`` seconds for every process of ``data_dir`` to end, then kill; return those that still live."""
    _, alive = psutil.wait_procs(processes_of(data_dir), timeout=patience)
    for process in alive:
        _kill(process)
    psutil.wait_procs(alive, timeout=5)
    return processes_of(data_dir)


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


def memory_mb(pid: int) -> int:
    """Return the resident memory of a process and its children in MB; 0 if it has ended."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return sum(_resident(member) for member in family) // 1_000_000
    except psutil.NoSuchProcess:
        return 0


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def listeners(pid: int) -> list[tuple[str, int]]:
    """Return address and port of every TCP socket on which ``pid`` or a child of it listens."""
    process = psutil.Process(pid)
    sockets = []
    for member in (process, *process.children(recursive=True)):
        for connection in member.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr:
                sockets.append((connection.laddr.ip.removeprefix("::ffff:"), connection.laddr.port))
    return sockets


def listening_ports(data_dir: Path) -> set[int]:
    """Return the TCP ports of this machine's network on which a process of ``data_dir`` listens, on any address."""
    pids = {process.pid for process in processes_of(data_dir)}
    connections = psutil.net_connections(kind="tcp")
    return {at.laddr.port for at in connections if at.laddr and at.status == psutil.CONN_LISTEN and at.pid in pids}


def owner_of(port: int) -> str:
    """Return which process listens on ``port``, as ``name (pid n)``; empty if none is visible."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if not connection.laddr or connection.status != psutil.CONN_LISTEN:
                continue
            if connection.laddr.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        return ""
    return ""
