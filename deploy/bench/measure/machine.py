"""What else the machine did: time stolen by its hypervisor, and processes of others."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path

import psutil
from msgspec import Struct


class Machine(Struct, frozen=True, kw_only=True):
    """The machine, and how busy it was during a run, in cores.

    `steal_cores`: time that the hypervisor gave to others. `busy_cores`: all processes. `other_cores`: processes that
    belong to neither the stack nor the benchmark, the kernel's own work among them.
    """

    processor: str
    cores: int
    memory_mb: int
    steal_cores: float
    busy_cores: float
    other_cores: float


class MachineMeter:
    """Measures how busy the whole machine is between its creation and `read`."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._steal, self._busy = _steal_and_busy()

    def read(self, own_cpu_seconds: float) -> Machine:
        """Return the machine's load since; `own_cpu_seconds` is what stack and benchmark used of it."""
        elapsed = max(1e-9, time.monotonic() - self._began)
        steal, busy = _steal_and_busy()
        return Machine(
            processor=processor_name(),
            cores=len(os.sched_getaffinity(0)),
            memory_mb=psutil.virtual_memory().total // 2**20,
            steal_cores=round((steal - self._steal) / elapsed, 3),
            busy_cores=round((busy - self._busy) / elapsed, 3),
            other_cores=round(max(0.0, busy - self._busy - own_cpu_seconds) / elapsed, 3),
        )


def processor_name() -> str:
    """Return the name of the processor's model."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _steal_and_busy() -> tuple[float, float]:
    """Return the seconds of all cores that were stolen, and those in which a process or the kernel worked."""
    times = psutil.cpu_times()
    busy = times.user + times.nice + times.system + times.irq + times.softirq
    return times.steal, busy
