"""The report of a measurement: one run for each seed, every number with its unit in its name."""

from __future__ import annotations

from msgspec import Struct

from deploy.bench.measure.machine import Machine
from deploy.bench.measure.traffic import TopicTraffic
from deploy.bench.measure.usage import ProcessUsage
from deploy.bench.plan import BenchPlan
from deploy.bench.profile.stacks import ProcessProfile
from deploy.bench.report.series import Recovery, SecondOfRun


class Percentiles(Struct, frozen=True, kw_only=True):
    """Percentiles of a time in milliseconds; none where nothing was measured."""

    p50_ms: float | None
    p90_ms: float | None
    p99_ms: float | None


class CatalogueFigures(Struct, frozen=True, kw_only=True):
    """What the catalogue costs; a value is none where it cannot be measured.

    `read_seconds`: from the first item sent until the worker has read all. `projected_seconds`: until the projector has
    too. `worker_kb_per_item`: the worker's resident memory with the catalogue less that before it was sent. A worker is
    ready, after a restart with the catalogue in place, when a list answers an event: `ready_seconds` after its start.
    """

    items: int
    read_seconds: float | None
    projected_seconds: float | None
    worker_kb_per_item: float | None
    ready_seconds: float | None


class Answers(Struct, frozen=True, kw_only=True):
    """Lists matched to the events that they answer: counts, and the time from intended send to the list as read.

    `lost`: events without a list. `duplicates`: answers beyond an event's first. `degradations`: lists by each reason
    that they name for being ranked with less. `coalescing`: events per list.
    """

    sent: int
    lists: int
    lost: int
    duplicates: int
    degraded: int
    degraded_share: float
    degradations: dict[str, int]
    p50_ms: float | None
    p90_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    coalescing: float
    events_per_second: float
    stages: dict[str, Percentiles]
    series: tuple[SecondOfRun, ...]
    recovery: Recovery | None


class RunReport(Struct, frozen=True, kw_only=True):
    """One run of a plan, with one seed."""

    seed: int
    answers: Answers
    catalogue: CatalogueFigures
    stack: ProcessUsage
    processes: dict[str, ProcessUsage]
    topics: dict[str, TopicTraffic]
    machine: Machine
    profiles: dict[str, ProcessProfile] = {}


class BenchReport(Struct, frozen=True, kw_only=True):
    """All runs of a plan."""

    plan: BenchPlan
    runs: tuple[RunReport, ...]
