"""The row of the dashboard about what agents do."""

from __future__ import annotations

from agents.explanations import CHECKED_KINDS
from deploy.monitoring.grafana.panels import DashboardRow, Panel, PanelQuery, rate

MOST_GENERIC = 0.2
"""The share of generic lines that is to be kept."""


def _share_of_lines(kinds: str) -> str:
    """Return the query for the share of explanations of these kinds, a regular expression."""
    of_kinds = f'lifelong_explanations_total{{kind=~"{kinds}"}}'
    return f"{rate(of_kinds)} / clamp_min({rate('lifelong_explanations_total')}, 1e-9)"


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
            "Explanations",
            "Share of the lines in users' lists that are generic, naming nothing of the user, and of those that were "
            "checked against a memory or a choice. Above the line too many are generic: users are new, items have no "
            "categories, or popularity proposes most items.",
            "percentunit",
            (
                PanelQuery(_share_of_lines("generic"), "generic"),
                PanelQuery(_share_of_lines("|".join(sorted(CHECKED_KINDS))), "checked"),
            ),
            limit=MOST_GENERIC,
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
