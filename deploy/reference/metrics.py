"""The reference of metrics: everything that Lifelong's processes serve on `/metrics`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeGuard, runtime_checkable

from prometheus_client.core import Metric

from deploy.monitoring import (
    explanation_metrics,
    flink_gauges,
    llm_metrics,
    offer_metrics,
    perceiver_metrics,
    plan_metrics,
    projector_metrics,
    telemetry,
    tool_metrics,
)
from deploy.reference.markdown import table

METRIC_FILES = (
    telemetry,
    plan_metrics,
    explanation_metrics,
    projector_metrics,
    offer_metrics,
    perceiver_metrics,
    llm_metrics,
    tool_metrics,
    flink_gauges,
)
"""Whoever imports this has all metrics in the registry."""
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
    for metric in dict.fromkeys(value for file in METRIC_FILES for value in vars(file).values() if _is_metric(value)):
        for family in metric.describe():
            yield _row(family, _labels(metric) or _labels(family))


def _is_metric(value: object) -> TypeGuard[Described]:
    return isinstance(value, Described) and not isinstance(value, type)


def _row(family: Metric, labels: tuple[str, ...]) -> tuple[str, str, str, str]:
    name = f"`{family.name}{METRIC_SUFFIXES.get(family.type, '')}`"
    return name, family.type, ", ".join(f"`{label}`" for label in labels) or "none", family.documentation


def _labels(metric: object) -> tuple[str, ...]:
    """Return the names of labels, which the client library keeps under this name for both kinds."""
    return tuple(getattr(metric, "_labelnames", ()))
