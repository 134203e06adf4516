"""Matches lists to events: an event is answered by the first list that names it; a second one is a duplicate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from deploy.bench.collect import Arrival
from deploy.bench.plan import BenchPlan
from deploy.bench.report.figures import Answers, Percentiles
from deploy.bench.report.series import percentile, recovery, series

REPORTED_STAGES = ("intended", "ingested", "received", "folded", "ranked", "published", "read")
"""When the event was due, timestamped by its producer, received by the worker, folded, ranked; when the list was
timestamped and read."""
RANKING = "folded → ranked"
"""The stage in which a worker ranks a batch of lists in one call."""


@dataclass
class Matched:
    """Lists matched to events: latencies by event, answers by event, and the stages of each list's last event."""

    latency_ms: dict[str, float] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    degradations: Counter[str] = field(default_factory=Counter)
    times: list[list[float]] = field(default_factory=list)
    lists: int = 0
    degraded: int = 0
    last: float = 0.0

    def add(self, arrival: Arrival, intended: Mapping[str, float]) -> None:
        """Add a list; one that answers none of these events does not count."""
        own = [event for event in arrival.event_ids if event in intended]
        if not own:
            return
        fresh = [event for event in own if event not in self.answers]
        self.answers.update(own)
        self.lists += 1
        self.degraded += bool(arrival.degradations)
        self.degradations.update(arrival.degradations)
        self.last = max(self.last, arrival.at)
        for event in fresh:
            self.latency_ms[event] = (arrival.at - intended[event]) * 1e3
        if fresh:
            inner = [arrival.stages.get(name, arrival.at) for name in REPORTED_STAGES[1:-1]]
            self.times.append([intended[fresh[-1]], *inner, arrival.at])


def make_answers(
    plan: BenchPlan, intended: Mapping[str, float], arrivals: Sequence[Arrival], *, began: float
) -> Answers:
    """Return the figures of a run that began at this wall-clock second; `intended` is in wall-clock seconds too."""
    matched = Matched()
    for arrival in arrivals:
        matched.add(arrival, intended)
    latencies = list(matched.latency_ms.values())
    due = {event: at - began for event, at in intended.items()}
    seconds = series(due, matched.latency_ms)
    kind = "burst" if plan.burst else "stall"
    return Answers(
        sent=len(intended),
        lists=matched.lists,
        lost=len(intended) - len(latencies),
        duplicates=sum(count - 1 for count in matched.answers.values()),
        degraded=matched.degraded,
        degraded_share=round(matched.degraded / max(1, matched.lists), 4),
        degradations=dict(matched.degradations.most_common()),
        p50_ms=percentile(latencies, 50),
        p90_ms=percentile(latencies, 90),
        p99_ms=percentile(latencies, 99),
        max_ms=percentile(latencies, 100),
        coalescing=round(len(latencies) / max(1, matched.lists), 3),
        events_per_second=round(len(latencies) / max(1e-9, matched.last - began), 1),
        stages=stages(np.array(matched.times)),
        series=seconds,
        recovery=recovery(kind, plan.disturbed, due, matched.latency_ms, seconds) if plan.disturbed else None,
    )


def stages(times: NDArray[np.float64]) -> dict[str, Percentiles]:
    """Return percentiles of the time in each stage; `times` [lists, stages] are seconds of each list's last event."""
    if not len(times):
        return {}
    spent = {
        f"{before} → {after}": ((times[:, index + 1] - times[:, index]) * 1e3).tolist()
        for index, (before, after) in enumerate(pairwise(REPORTED_STAGES))
    }
    return {
        name: Percentiles(p50_ms=percentile(ms, 50), p90_ms=percentile(ms, 90), p99_ms=percentile(ms, 99))
        for name, ms in spent.items()
    }
