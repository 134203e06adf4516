"""The reference of metrics: everything that Lifelong's processes serve on `/metrics`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable

from prometheus_client.core import Metric

from deploy.monitoring import flink_gauges, llm_metrics, perceiver_metrics, plan_metrics, telemetry, tool_metrics
from deploy.reference.markdown import table

METRICS_HEADER = ("metric", "kind", "labels", "meaning")
METRIC_SUFFIXES = {"counter": "_total", "info": "_info"}
METRICS_INTRODUCTION = """\
Every process serves its own metrics on `/metrics`: worker, item-statistics aggregator, trainer and projector on their
`metrics_port`, the gateway on its own port. `job` and `instance` of the scrape say which process it is. A histogram has
the series `…_bucket`, `…_sum` and `…_count`.
"""


@runtime_checkable
class Described(Protocol):
    """A metric or a collector: what both kinds of the client library have in common."""

    def describe(self) -> Iterable[Metric]:
        """Return its metric families, without samples."""


def metrics_page() -> str:
    """Return the page as Markdown."""
    return "\n\n".join(["# Metrics", METRICS_INTRODUCTION, table(METRICS_HEADER, sorted(_rows()))]) + "\n"


def _rows() -> Iterator[tuple[str, str, str, str]]:
    for metric in (
        *vars(telemetry).values(),
        *vars(plan_metrics).values(),
        *vars(perceiver_metrics).values(),
        *vars(llm_metrics).values(),
        *vars(tool_metrics).values(),
        flink_gauges.FLINK,
    ):
        if isinstance(metric, Described) and not isinstance(metric, type):
            for family in metric.describe():
                yield _row(family, _labels(metric) or _labels(family))


def _row(family: Metric, labels: tuple[str, ...]) -> tuple[str, str, str, str]:
    name = f"`{family.name}{METRIC_SUFFIXES.get(family.type, '')}`"
    return name, family.type, ", ".join(f"`{label}`" for label in labels) or "none", family.documentation


def _labels(metric: object) -> tuple[str, ...]:
    """Return the names of labels, which the client library keeps under this name for both kinds."""
    return tuple(getattr(metric, "_labelnames", ()))
