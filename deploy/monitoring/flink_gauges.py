"""The metrics of a job on Flink, which the process that keeps it serves with its own: `statistics` or `worker`.

Flink's own reporter for Prometheus would listen on all interfaces, without a credential.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from deploy.flink.health import JobHealth
from deploy.monitoring.telemetry import LAG
from streams.state.positions import Bounds

Measured = tuple[CounterMetricFamily | GaugeMetricFamily, float | None]
COUNTERS = {
    "restarts": ("Times that Flink restarted the job.", "restarts"),
    "failed_checkpoints": ("Checkpoints that failed.", "failed_checkpoints"),
}
GAUGES = {
    "checkpoint_time_seconds": ("When the newest checkpoint was completed.", "checkpoint_at"),
    "checkpoint_bytes": ("Bytes of the newest checkpoint.", "checkpoint_bytes"),
    "records_per_second": ("Records that the job reads per second.", "records_per_second"),
    "waiting_records": ("Records that the job has not read yet.", "waiting_records"),
    "busy_ratio": ("Share of time for which the busiest task works.", "busy"),
    "held_up_ratio": ("Share of time for which the most held-up task waits for the next.", "held_up"),
}
"""What each metric means, and the field of `JobHealth` that it shows."""


class FlinkGauges(Collector):
    """The health of the job at the last look; without a job there is nothing.

    >>> gauges = FlinkGauges()
    >>> [len(family.samples) for family in gauges.collect()]
    [0, 0, 0, 0, 0, 0, 0, 0]
    >>> gauges.seen = JobHealth(1, 0, 1.7e9, 14_300_000, 860.0, 12.0, 0.9, 0.2)
    >>> next(family.samples[0].value for family in gauges.collect() if family.name == "lifelong_flink_restarts")
    1
    """

    def __init__(self) -> None:
        self.seen: JobHealth | None = None

    def saw(self, health: JobHealth) -> None:
        """Keep what the last look at the job found."""
        self.seen = health

    def describe(self) -> list[Metric]:
        """Return the metrics without values, for the registry."""
        return [family for family, _ in self._families(None)]

    def collect(self) -> Iterable[Metric]:
        """Return what was seen last."""
        for family, value in self._families(self.seen):
            if value is not None:
                family.add_metric([], value)
            yield family

    def _families(self, seen: JobHealth | None) -> list[Measured]:
        def value(name: str) -> float | None:
            return None if seen is None else getattr(seen, name)

        return [
            *(
                (CounterMetricFamily(f"lifelong_flink_{name}", text), value(of))
                for name, (text, of) in COUNTERS.items()
            ),
            *((GaugeMetricFamily(f"lifelong_flink_{name}", text), value(of)) for name, (text, of) in GAUGES.items()),
        ]


FLINK = FlinkGauges()
REGISTRY.register(FLINK)


def report_lag(read: Mapping[tuple[str, int], int], bounds: Mapping[tuple[str, int], Bounds]) -> None:
    """Report the lag of each partition: the records from the next one to read on that it still has."""
    for (topic, partition), at in bounds.items():
        LAG.set(topic, partition, max(0, at.end - max(at.begin, read.get((topic, partition), 0))))
