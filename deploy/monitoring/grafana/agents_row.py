"""The row of the dashboard about what agents do."""

from __future__ import annotations

from deploy.monitoring.grafana.panels import DashboardRow, Panel, PanelQuery, rate

AGENTS = DashboardRow(
    "Agents",
    (
        Panel(
            "Re-plans by trigger",
            "Accepted plans per second, by their trigger. One trigger far above its usual rate: look at its condition "
            "and its budget in agents/planning/triggers.py.",
            "cps",
            (PanelQuery(rate('lifelong_plans_total{decision="accepted"}', "trigger"), "{{trigger}}"),),
            stacked=True,
        ),
        Panel(
            "Ledger by decision",
            "Ledger lines per second. Many rejected: the planner proposes what the guardrails forbid; "
            "`lifelong why --user U` shows the plan of one user.",
            "cps",
            (PanelQuery(rate("lifelong_plans_total", "decision"), "{{decision}}"),),
        ),
        Panel(
            "Triggers without budget",
            "Triggers per second that fired without a plan: debounced, cooling down, or out of budget. Far above the "
            "re-plans (left): users change faster than their agents may plan; look at the budgets in triggers.py.",
            "cps",
            (PanelQuery(rate("lifelong_suppressed_total", "trigger"), "{{trigger}}"),),
        ),
        Panel(
            "Offers",
            "Occasions per second, by what became of them; zero unless users set autonomy 3. Many not-worth-it: users "
            "ignore what they are offered. Many autonomy: an application asks for users who have not opted in.",
            "cps",
            (PanelQuery(rate("lifelong_offers_total", "decision"), "{{decision}}"),),
        ),
    ),
)
