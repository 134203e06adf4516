"""Processor time and memory of the stack's processes, each with its children."""

from __future__ import annotations

from collections.abc import Mapping

import psutil
from msgspec import Struct

BENCH = "bench"
"""The name of the benchmark's own process, which does not belong to the stack."""


class ProcessUsage(Struct, frozen=True, kw_only=True):
    """What a process used: cores (1.0 is one core busy all the time), processor time per event sent, and resident
    memory before the load and after it, in MiB. Zeros of a process that ended within the run.
    """

    cores: float
    cpu_ms_per_event: float
    rest_memory_mb: float
    memory_mb: float


class Meter:
    """Measures processor time between its creation and `cpu_seconds`."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self._before = cpu_of(self._pids)

    def cpu_seconds(self) -> dict[str, float]:
        """Return what each process used since; 0 of one that has ended."""
        after = cpu_of(self._pids)
        return {name: max(0.0, seconds - self._before[name]) for name, seconds in after.items()}


def cpu_of(pids: Mapping[str, int]) -> dict[str, float]:
    """Return the processor seconds of each process so far; 0 of one that has ended."""
    return {name: sum(map(_cpu, _family(name, pid))) for name, pid in pids.items()}


def memory_of(pids: Mapping[str, int]) -> dict[str, float]:
    """Return the resident memory of each process in MiB; 0 of one that has ended."""
    return {name: round(sum(map(_resident, _family(name, pid))) / 2**20, 1) for name, pid in pids.items()}


def usages(
    cpu_seconds: Mapping[str, float],
    *,
    seconds: float,
    events: int,
    rest: Mapping[str, float],
    after: Mapping[str, float],
) -> dict[str, ProcessUsage]:
    """Return the usage of each process over so many seconds and events.

    >>> usages({"worker": 3.0}, seconds=10.0, events=1_000, rest={"worker": 90.0}, after={"worker": 100.0})["worker"]
    ProcessUsage(cores=0.3, cpu_ms_per_event=3.0, rest_memory_mb=90.0, memory_mb=100.0)
    """
    return {
        name: ProcessUsage(
            cores=round(used / seconds, 3),
            cpu_ms_per_event=round(used * 1e3 / max(1, events), 3),
            rest_memory_mb=rest.get(name, 0.0),
            memory_mb=after.get(name, 0.0),
        )
        for name, used in cpu_seconds.items()
    }


def of_stack(processes: Mapping[str, ProcessUsage]) -> ProcessUsage:
    """Return the sum over all processes but the benchmark's own."""
    own = [usage for name, usage in processes.items() if name != BENCH]
    return ProcessUsage(
        cores=round(sum(usage.cores for usage in own), 3),
        cpu_ms_per_event=round(sum(usage.cpu_ms_per_event for usage in own), 3),
        rest_memory_mb=round(sum(usage.rest_memory_mb for usage in own), 1),
        memory_mb=round(sum(usage.memory_mb for usage in own), 1),
    )


def _family(name: str, pid: int) -> list[psutil.Process]:
    """Return a process and its children; of the benchmark itself not those: they profile, or are loads of their own."""
    try:
        process = psutil.Process(pid)
        return [process] if name == BENCH else [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _cpu(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
