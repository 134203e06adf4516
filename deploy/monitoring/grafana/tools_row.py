"""The row of the dashboard about what agents do beside planning by rules: tools, and plans of a language model."""

from __future__ import annotations

from deploy.monitoring.grafana.panels import DashboardRow, Panel, PanelQuery, quantile, rate

TOOLS_ROW = DashboardRow(
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
        Panel(
            "Plans asked of the language model",
            "By what came of them, per second. proposed: the worker judges it (right). over-budget: a daily budget of "
            "[llm] is spent. away, slow, cut, not-tried: the endpoint; lists go on with the rule planner's plans. "
            "late: too many plans for the model, more of llm.at_once may help.",
            "cps",
            (PanelQuery(rate("lifelong_plans_asked_total", "outcome"), "{{outcome}}"),),
        ),
        Panel(
            "Proposals by decision",
            "What the worker decided about plans from outside. rejected: another plan was followed by then, or guards "
            "object: `lifelong why --user` and the topic `plans` have the reason.",
            "cps",
            (PanelQuery(rate("lifelong_proposals_total", "decision"), "{{decision}}"),),
        ),
        Panel(
            "Calls of the language model",
            "By what became of them, per second. refused: a wrong key or model, or a refusal; nonsense: it does not "
            "keep to the schema. planner-sent.jsonl in the data directory has what was sent and answered.",
            "cps",
            (
                PanelQuery(rate("lifelong_llm_calls_total", "outcome"), "{{outcome}}"),
                PanelQuery("max(lifelong_llm_breaker_open)", "left alone after failures"),
            ),
        ),
        Panel(
            "Cost of the language model",
            "Tokens and money of the last hour. Daily budgets of each person and of all are settings of [llm]; what is "
            "spent of them outlasts a restart.",
            "short",
            (
                PanelQuery("sum(increase(lifelong_llm_tokens_total[1h]))", "tokens"),
                PanelQuery("sum(increase(lifelong_llm_money_total[1h]))", "money"),
            ),
        ),
        Panel(
            "Seconds of a plan",
            "How long the model and its tools took for a plan, at most llm.plan_seconds. No list waits for it.",
            "s",
            tuple(PanelQuery(quantile(q, "lifelong_plan_asked_seconds"), f"p{q * 100:g}") for q in (0.5, 0.99)),
        ),
    ),
)
