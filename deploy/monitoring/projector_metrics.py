"""The projector's metrics, and the observer that feeds them."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import Counter, Gauge, Histogram

from deploy.monitoring.telemetry import DEAD_LETTERS_TOTAL, WAITS_TOTAL
from features.ports import OfflineSize
from schemas.errors import ReasonCode

PROJECTED = Counter("lifelong_projected_total", "Rows written behind, by target.", ["target"])
PROJECTION_DELAY = Histogram(
    "lifelong_projection_seconds",
    "Seconds from publication to the projection.",
    ["target"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
OFFLINE_FILES = Gauge("lifelong_offline_files", "Files of the off-line log, by view.", ["view"])
OFFLINE_BYTES = Gauge("lifelong_offline_bytes", "Bytes of the off-line log, by view.", ["view"])
OFFLINE_WAITING = Gauge(
    "lifelong_offline_waiting_seconds", "How long the oldest file of the off-line log waits to be merged.", ["view"]
)
TARGETS = ("erasures", "feast", "milvus-memories", "milvus-items", "milvus-factors")
"""Where the projector writes (`streams.projector.process`)."""


class ProjectorMetrics:
    """A `streams.projector.process.ProjectorObserver` that feeds the metrics."""

    def __init__(self) -> None:
        for target in TARGETS:
            PROJECTED.labels(target)
            WAITS_TOTAL.labels(target)

    def projected(self, target: str, rows: int, *, delay: float) -> None:
        """See `streams.projector.process.ProjectorObserver`."""
        PROJECTED.labels(target).inc(rows)
        PROJECTION_DELAY.labels(target).observe(max(0.0, delay))

    def away(self, target: str) -> None:
        """See `streams.projector.process.ProjectorObserver`."""
        WAITS_TOTAL.labels(target).inc()

    def refused(self, topic: str, reason: ReasonCode) -> None:
        """See `streams.projector.process.ProjectorObserver`."""
        DEAD_LETTERS_TOTAL.labels(topic, reason).inc()

    def compacted(self, sizes: Mapping[str, OfflineSize], now: float) -> None:
        """See `streams.projector.process.ProjectorObserver`."""
        for view, size in sizes.items():
            OFFLINE_FILES.labels(view).set(size.files)
            OFFLINE_BYTES.labels(view).set(size.size)
            OFFLINE_WAITING.labels(view).set(now - size.waiting_since if size.waiting_since is not None else 0.0)
