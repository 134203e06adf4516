"""The figures of a run by name, and their spread over the runs of several seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from deploy.bench.report.figures import RunReport
from deploy.bench.report.matching import RANKING

Figures = Mapping[str, float]


class Spread(Struct, frozen=True, kw_only=True):
    """The mean of a figure over runs, the least and the most."""

    mean: float
    least: float
    most: float


def figures_of(run: RunReport) -> Figures:
    """Return the figures of a run by name, the unit at the end of each; those without a value are left out."""
    answers, catalogue = run.answers, run.catalogue
    values: dict[str, float | None] = {
        "event to list, p50, ms": answers.p50_ms,
        "event to list, p90, ms": answers.p90_ms,
        "event to list, p99, ms": answers.p99_ms,
        "event to list, slowest, ms": answers.max_ms,
        "lost, events": answers.lost,
        "degraded, share of lists": answers.degraded_share,
        "coalescing, events per list": answers.coalescing,
        "answered, events per second": answers.events_per_second,
        "stack, CPU ms per event": run.stack.cpu_ms_per_event,
    }
    values |= {f"{name}, CPU ms per event": usage.cpu_ms_per_event for name, usage in run.processes.items()}
    values["stack, MiB at rest"] = run.stack.rest_memory_mb
    values["stack, MiB after"] = run.stack.memory_mb
    if RANKING in answers.stages:
        values["ranking a batch, p50, ms"] = answers.stages[RANKING].p50_ms
    values |= {
        "worker, kB per item": catalogue.worker_kb_per_item,
        "catalogue read by the worker, s": catalogue.read_seconds,
        "worker ready, s": catalogue.ready_seconds,
        "all topics, messages per event": sum(topic.messages_per_event for topic in run.topics.values()),
        "all topics, bytes per event": sum(topic.bytes_per_event for topic in run.topics.values()),
    }
    if (after := answers.recovery) is not None:
        values[f"{after.kind}, p99, ms"] = after.p99_ms
        values[f"{after.kind}, caught up after, s"] = after.caught_up_seconds
        values[f"{after.kind}, recovered after, s"] = after.recovered_seconds
    return {name: round(float(value), 3) for name, value in values.items() if value is not None}


def spreads(runs: Sequence[RunReport]) -> dict[str, Spread]:
    """Return the spread of each figure over the runs that have it."""
    values: dict[str, list[float]] = {}
    for run in runs:
        for name, value in figures_of(run).items():
            values.setdefault(name, []).append(value)
    return {name: Spread(mean=round(sum(of) / len(of), 3), least=min(of), most=max(of)) for name, of in values.items()}
