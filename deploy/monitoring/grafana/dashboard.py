"""Build ``lifelong.json`` from the table of panels; ``python -m deploy.monitoring.grafana.dashboard`` writes it.

The SDK is a development dependency: only the JSON is shipped.
"""

from __future__ import annotations

import json
from pathlib import Path

from grafana_foundation_sdk.builders import common, prometheus, stat, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    GraphTresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
)

from deploy.monitoring.grafana.panels import Panel
from deploy.monitoring.grafana.rows import DASHBOARD_ROWS

DASHBOARD_FILE = Path(__file__).with_name("lifelong.json")
UID = "lifelong"
SOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
HEIGHT = 8


def make_dashboard() -> model.Dashboard:
    """Return the dashboard; the same table gives the same dashboard, including ids and positions."""
    built = (
        build.Dashboard("Lifelong")
        .uid(UID)
        .description("Events in, recommendations out: freshness first, then everything that it depends on.")
        .tags(["lifelong"])
        .timezone("browser")
        .refresh("10s")
        .time("now-30m", "now")
        .readonly()
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .with_variable(build.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    )
    number = 0
    for row in DASHBOARD_ROWS:
        number += 1
        built = built.with_row(build.Row(row.title).id(number))
        for panel in row.panels:
            number += 1
            built = built.with_panel(make_panel(panel).id(number))
    return built.build()


def make_panel(panel: Panel) -> timeseries.Panel | stat.Panel:
    """Return a panel of the table as a Grafana panel."""
    built = _stat() if panel.kind == "stat" else _graph(panel)
    built = built.title(panel.title).description(panel.description).unit(panel.unit)
    built = built.datasource(SOURCE).span(panel.width).height(HEIGHT)
    for number, query in enumerate(panel.queries):
        target = prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(chr(ord("A") + number))
        built = built.with_target((target.instant() if panel.kind == "stat" else target.range()).datasource(SOURCE))
    return built


def _stat() -> stat.Panel:
    return stat.Panel().color_mode(BigValueColorMode.NONE)


def _graph(panel: Panel) -> timeseries.Panel:
    legend = common.VizLegendOptions().show_legend(True).calcs(["lastNotNull", "max"])
    legend = legend.display_mode(LegendDisplayMode.TABLE).placement(LegendPlacement.BOTTOM)
    tooltip = common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)
    graph = timeseries.Panel().legend(legend).tooltip(tooltip).min(0).line_width(1)
    if panel.stacked:
        graph = graph.stacking(common.StackingConfig().mode(StackingMode.NORMAL)).fill_opacity(30)
    if panel.limit is not None:
        steps = [model.Threshold(value=None, color="green"), model.Threshold(value=panel.limit, color="red")]
        limits = build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)
        style = common.GraphThresholdsStyleConfig().mode(GraphTresholdsStyleMode.LINE)
        graph = graph.thresholds(limits).thresholds_style(style)
    return graph


def as_json(dashboard: model.Dashboard) -> str:
    """Return the dashboard as the text of its file."""
    return json.dumps(dashboard, cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    DASHBOARD_FILE.write_text(as_json(make_dashboard()))
