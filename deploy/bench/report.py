"""The results of a run: percentiles by stage, lost events, coalescing, and what each process used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import psutil
from msgspec import Struct
from numpy.typing import NDArray
from rich.console import Group, RenderableType
from rich.table import Table

from deploy.bench.collect import Arrival

REPORTED_STAGES = ("intended", "ingested", "received", "folded", "ranked", "published", "read")
"""When the event was due, timestamped by its producer, received by the worker, folded, ranked; when the list was
timestamped and read."""


class Usage(Struct, frozen=True):
    """What a process used during the run: cores (1.0 is one core busy all the time) and resident memory in MiB."""

    cores: float
    memory_mb: float


class Report(Struct, frozen=True):
    """Figures of one run; latencies in milliseconds, from the intended send to the list as read from its topic."""

    rate: float
    seconds: float
    sent: int
    lists: int
    lost: int
    duplicates: int
    degraded: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    coalescing: float
    events_per_second: float
    stages_ms: dict[str, dict[str, float]]
    processes: dict[str, Usage]


def make_report(
    intended: Mapping[str, float],
    arrivals: Sequence[Arrival],
    *,
    rate: float,
    seconds: float,
    processes: dict[str, Usage],
) -> Report:
    """Match lists to events. An event is answered by the first list that names it; a second one is a duplicate."""
    answers: Counter[str] = Counter()
    latencies: list[float] = []
    times: list[list[float]] = []
    for arrival in arrivals:
        own = [event for event in arrival.event_ids if event in intended]
        fresh = [event for event in own if answers[event] == 0]
        answers.update(own)
        latencies += [(arrival.at - intended[event]) * 1e3 for event in fresh]
        if fresh:
            inner = [arrival.stages.get(name, arrival.at) for name in REPORTED_STAGES[1:-1]]
            times.append([intended[fresh[-1]], *inner, arrival.at])
    lists = sum(1 for arrival in arrivals if any(event in intended for event in arrival.event_ids))
    last = max((arrival.at for arrival in arrivals), default=0.0)
    span = max(1e-9, last - min(intended.values(), default=0.0))
    return Report(
        rate=rate,
        seconds=seconds,
        sent=len(intended),
        lists=lists,
        lost=sum(1 for event in intended if answers[event] == 0),
        duplicates=sum(count - 1 for count in answers.values() if count > 1),
        degraded=sum(arrival.degraded for arrival in arrivals),
        **_percentiles(latencies),
        max_ms=round(max(latencies, default=float("nan")), 2),
        coalescing=round(len(latencies) / max(1, lists), 3),
        events_per_second=round(len(latencies) / span, 1),
        stages_ms=_stages(np.array(times)),
        processes=processes,
    )


def _percentiles(values: Sequence[float]) -> dict[str, float]:
    if not len(values):
        return {"p50_ms": float("nan"), "p90_ms": float("nan"), "p99_ms": float("nan")}
    return {f"p{share}_ms": round(float(np.percentile(values, share)), 2) for share in (50, 90, 99)}


def _stages(times: NDArray[np.float64]) -> dict[str, dict[str, float]]:
    """Return percentiles of the time in each stage; `times` [lists, stages] are seconds of each list's last event."""
    if not len(times):
        return {}
    return {
        f"{before} → {after}": _percentiles(((times[:, index + 1] - times[:, index]) * 1e3).tolist())
        for index, (before, after) in enumerate(pairwise(REPORTED_STAGES))
    }


class Meter:
    """Measures the CPU time of processes between its creation and `read`."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()}
        self._before = {name: _seconds(process) for name, process in self._processes.items()}

    def read(self, elapsed: float) -> dict[str, Usage]:
        """Return what each process and its children used since, over `elapsed` seconds."""
        return {
            name: Usage(
                cores=round((_seconds(process) - self._before[name]) / elapsed, 3),
                memory_mb=round(sum(member.memory_info().rss for member in _family(process)) / 2**20, 1),
            )
            for name, process in self._processes.items()
        }


def _family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def _seconds(process: psutil.Process) -> float:
    times = [member.cpu_times() for member in _family(process)]
    return sum(time.user + time.system for time in times)


def show(report: Report) -> RenderableType:
    """Return the report as tables."""
    head = Table("rate", "sent", "lists", "lost", "duplicates", "degraded", "p50", "p90", "p99", "max", box=None)
    head.add_row(
        f"{report.rate:g}/s",
        str(report.sent),
        str(report.lists),
        str(report.lost),
        str(report.duplicates),
        str(report.degraded),
        *(f"{value:.1f} ms" for value in (report.p50_ms, report.p90_ms, report.p99_ms, report.max_ms)),
    )
    stages = Table("stage", "p50 ms", "p90 ms", "p99 ms", box=None, title="where the time goes", title_justify="left")
    for name, values in report.stages_ms.items():
        stages.add_row(name, *(f"{values[key]:.1f}" for key in ("p50_ms", "p90_ms", "p99_ms")))
    used = Table("process", "cores", "MB", box=None, title="resources used", title_justify="left")
    for name, usage in report.processes.items():
        used.add_row(name, f"{usage.cores:.2f}", f"{usage.memory_mb:.0f}")
    throughput = Table.grid()
    throughput.add_row(f"{report.coalescing:.2f} events per list, {report.events_per_second:.0f} events/s answered")
    return Group(head, throughput, stages, used)
