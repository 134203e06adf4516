"""Puts the catalogue in place before a run, and measures what it costs a worker."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil

from deploy.bench.collect import Collector
from deploy.bench.errors import CannotMeasure
from deploy.bench.load.catalogue import send_catalogue
from deploy.bench.load.sender import send_click
from deploy.bench.measure.progress import seconds_until, table_records
from deploy.bench.measure.usage import memory_of
from deploy.bench.report.figures import CatalogueFigures
from deploy.bench.target import BenchTarget
from deploy.clients import make_cluster, make_publisher, wall_clock
from deploy.gateway.serving.backlog import behind
from schemas.topics import ITEMS
from streams.log.kafka_admin import KafkaAdmin

WORKER_NAME = "worker"
CATALOGUE_LINGER_MS = 20.0
"""Items need no fresh answer: full batches send 200,000 of them in seconds."""
PROBE_SECONDS = 120.0


def place_catalogue(target: BenchTarget, items: int) -> CatalogueFigures:
    """Send a catalogue and wait until worker and projector have read it; then restart a temporary stack's worker.

    Where the worker's metrics cannot be read here, only the projector is waited for.

    Raises:
        CannotMeasure: it is not read in time.
    """
    is_flink = target.settings.worker.engine == "flink"
    port = (target.settings.flink if is_flink else target.settings.worker).metrics_port
    worker, pids = "taskmanager" if is_flink else WORKER_NAME, target.pids()
    before, memory = table_records(port), memory_of(pids).get(worker, 0.0)
    began = time.monotonic()
    publisher = make_publisher(target.settings, linger_ms=CATALOGUE_LINGER_MS)
    send_catalogue(publisher, items)
    publisher.close()
    target.say(f"sent {items} items; waiting until they are read")
    read = None
    if before is not None:
        seconds_until(lambda: (table_records(port) or 0.0) >= before + items, "the worker has read the catalogue")
        read = round(time.monotonic() - began, 2)
    per_item = _kb_per_item(memory, memory_of(pids).get(worker, 0.0), items)
    seconds_until(_projected(target), "the projector has read the catalogue")
    projected = round(time.monotonic() - began, 2)
    return CatalogueFigures(
        items=items,
        read_seconds=read,
        projected_seconds=projected,
        worker_kb_per_item=per_item,
        ready_seconds=restart_worker(target) if target.temporary and not is_flink else None,
    )


def _kb_per_item(before_mb: float, after_mb: float, items: int) -> float | None:
    """Return the memory of an item in kB; none if the worker does not run here.

    >>> _kb_per_item(100.0, 110.0, 1_024)
    10.0
    """
    return round((after_mb - before_mb) * 1024 / items, 2) if before_mb and after_mb else None


def _projected(target: BenchTarget) -> Callable[[], bool]:
    admin, group = KafkaAdmin(make_cluster(target.settings)), target.settings.projector.group
    return lambda: behind(admin, group, ITEMS) == 0


def restart_worker(target: BenchTarget) -> float:
    """Restart the worker with the catalogue in place; return the seconds from its start until a list answers an event.

    Raises:
        CannotMeasure: none does in time.
    """
    target.say("restarting the worker with the catalogue in place")
    publisher = make_publisher(target.settings, linger_ms=0.0)
    collector = Collector(make_cluster(target.settings))
    collector.start()
    try:
        target.stack.restart(WORKER_NAME, lambda name, state: None)
        send_click(publisher, "ready-0", "ready", "item-0", wall_clock())
        publisher.flush()
        seconds_until(lambda: bool(collector.arrivals), "a restarted worker answers an event", within=PROBE_SECONDS)
    finally:
        collector.stop()
        publisher.close()
    pid = target.pids().get(WORKER_NAME)
    if pid is None:
        raise CannotMeasure("the worker ended while it was measured; `lifelong logs worker` says why")
    return round(collector.arrivals[0].at - psutil.Process(pid).create_time(), 2)
