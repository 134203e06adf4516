"""The types of dashboard rows and panels, and functions that write PromQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unit = Literal["s", "short", "percentunit", "bytes", "cps", "none", "reqps", "rps"]


@dataclass(frozen=True)
class PanelQuery:
    """A PromQL expression, and the legend of its series."""

    expr: str
    legend: str


@dataclass(frozen=True)
class Panel:
    """A graph. `description` says what it shows and what to do; `limit` draws a line; `kind` is Grafana's type."""

    title: str
    description: str
    unit: Unit
    queries: tuple[PanelQuery, ...]
    width: int = 8
    limit: float | None = None
    stacked: bool = False
    kind: Literal["timeseries", "stat"] = "timeseries"


@dataclass(frozen=True)
class DashboardRow:
    """Panels about one topic."""

    title: str
    panels: tuple[Panel, ...]


def rate(metric: str, by: str = "") -> str:
    """Return the query for a counter's growth per second, summed over processes.

    >>> rate("lifelong_events_total", "topic")
    'sum by (topic) (rate(lifelong_events_total[$__rate_interval]))'
    """
    return f"sum{f' by ({by}) ' if by else ''}(rate({metric}[$__rate_interval]))"


def quantile(share: float, histogram: str, selector: str = "", by: str = "") -> str:
    """Return the query for a quantile of a histogram.

    >>> quantile(0.5, "lifelong_http_seconds", by="route")
    'histogram_quantile(0.5, sum by (le, route) (rate(lifelong_http_seconds_bucket[$__rate_interval])))'
    """
    return f"histogram_quantile({share}, {rate(f'{histogram}_bucket{selector}', f'le, {by}' if by else 'le')})"
