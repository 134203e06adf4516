"""What a panel is, and the PromQL that its queries are put together from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unit = Literal["s", "short", "percentunit", "bytes", "cps", "none", "reqps", "rps"]


@dataclass(frozen=True)
class PanelQuery:
    """A PromQL expression, and how its series are called."""

    expr: str
    legend: str


@dataclass(frozen=True)
class Panel:
    """One graph; `says` tells what it shows and what to do. `limit` draws a line; `kind` is Grafana's panel type."""

    title: str
    says: str
    unit: Unit
    queries: tuple[PanelQuery, ...]
    width: int = 8
    limit: float | None = None
    stacked: bool = False
    kind: Literal["timeseries", "stat"] = "timeseries"


@dataclass(frozen=True)
class DashboardRow:
    """Panels that answer one question."""

    title: str
    panels: tuple[Panel, ...]


def rate(metric: str, by: str = "") -> str:
    """How fast a counter grows, summed over processes.

    >>> rate("lifelong_events_total", "topic")
    'sum by (topic) (rate(lifelong_events_total[$__rate_interval]))'
    """
    return f"sum{f' by ({by}) ' if by else ''}(rate({metric}[$__rate_interval]))"


def quantile(share: float, histogram: str, selector: str = "", by: str = "") -> str:
    """A quantile of a histogram.

    >>> quantile(0.5, "lifelong_http_seconds", by="route")
    'histogram_quantile(0.5, sum by (le, route) (rate(lifelong_http_seconds_bucket[$__rate_interval])))'
    """
    return f"histogram_quantile({share}, {rate(f'{histogram}_bucket{selector}', f'le, {by}' if by else 'le')})"
