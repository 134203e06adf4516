"""Samples the stacks of running processes with py-spy, which is optional: extra `bench`."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from deploy.bench.errors import CannotMeasure
from deploy.bench.profile.stacks import ProcessProfile, profile_of

PROFILED = ("worker", "projector", "trainer")
"""Our processes that are sampled; of the servers, the table of processes says how much time they take."""
SAMPLES_PER_SECOND = 100
END_SECONDS = 30.0


def py_spy() -> str:
    """Return the path of py-spy.

    Raises:
        CannotMeasure: it is not installed.
    """
    beside = shutil.which("py-spy", path=str(Path(sys.executable).parent))
    found = beside or shutil.which("py-spy")
    if found is None:
        raise CannotMeasure("py-spy is not installed: pip install 'lifelong[bench]'")
    return found


class SamplingProfiler:
    """Samples processes from its creation until `stop`; its files are in `folder`."""

    def __init__(self, pids: Mapping[str, int], folder: Path) -> None:
        self._files = {name: folder / f"{name}.stacks" for name in pids}
        self._samplers = {
            name: subprocess.Popen(
                command(pid, self._files[name]), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
            for name, pid in pids.items()
        }

    def stop(self) -> dict[str, ProcessProfile]:
        """End sampling and return the profile of each process.

        Raises:
            CannotMeasure: a process could not be sampled; the message says why.
        """
        for sampler in self._samplers.values():
            if sampler.poll() is None:
                sampler.send_signal(signal.SIGINT)
        problems = {name: _problem(sampler) for name, sampler in self._samplers.items()}
        for name, file in self._files.items():
            if not file.is_file():
                raise CannotMeasure(f"{name} cannot be sampled: {problems[name]}; {ptrace_hint()}")
        return {name: profile_of(file.read_text().splitlines()) for name, file in self._files.items()}


def command(pid: int, file: Path) -> tuple[str, ...]:
    """Return how py-spy samples a process without stopping it, function by function."""
    options = ("--rate", str(SAMPLES_PER_SECOND), "--format", "raw", "--nonblocking", "--function")
    return (py_spy(), "record", "--pid", str(pid), *options, "--output", str(file))


def chosen(pids: Mapping[str, int], names: Iterable[str] = PROFILED) -> dict[str, int]:
    """Return the processes to sample among those that run here.

    Raises:
        CannotMeasure: none of them does.
    """
    found = {name: pids[name] for name in names if name in pids}
    if not found:
        raise CannotMeasure(f"none of {', '.join(names)} runs on this machine under `lifelong up`: nothing to profile")
    return found


def _problem(sampler: subprocess.Popen[str]) -> str:
    try:
        _, errors = sampler.communicate(timeout=END_SECONDS)
    except subprocess.TimeoutExpired:
        sampler.kill()
        _, errors = sampler.communicate()
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    return lines[-1] if lines else f"py-spy ended with status {sampler.returncode}"


def ptrace_hint() -> str:
    """Return what to do where the kernel lets nobody read another process."""
    scope = Path("/proc/sys/kernel/yama/ptrace_scope")
    value = scope.read_text().strip() if scope.is_file() else "0"
    if value == "0":
        return "in a container, allow SYS_PTRACE"
    return (
        f"kernel.yama.ptrace_scope is {value}: `sudo sysctl kernel.yama.ptrace_scope=0`, or measure a temporary stack"
    )
