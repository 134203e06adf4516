"""The row of the dashboard about what agents do beside planning by rules: tools, and plans of a language model."""

from __future__ import annotations

from deploy.monitoring.grafana.panels import DashboardRow, Panel, PanelQuery, quantile, rate

AGENTS_ROW = DashboardRow(
    "Agents: tools and the language model (empty unless they are enabled)",
    (
        Panel(
            "Calls of tools",
            "Calls of agents per second, by tool and outcome. forbidden: a token ended or lacks a scope. timeout and "
            "unavailable: the gateway is slow or away. unknown-tool and bad-arguments: an agent that makes things up.",
            "cps",
            (PanelQuery(rate("lifelong_tool_calls_total", "tool, outcome"), "{{tool}} {{outcome}}"),),
        ),
        Panel(
            "Seconds of a tool",
            "How long calls took, by tool: at most 5 s, and 300 s where the user is asked.",
            "s",
            (PanelQuery(quantile(0.99, "lifelong_tool_seconds", by="tool"), "{{tool}} p99"),),
        ),
    ),
)
