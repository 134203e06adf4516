"""The reference of alerts: the shipped Prometheus rules, by group."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from deploy.reference.markdown import prose

ALERT_RULES = Path(__file__).parents[1] / "monitoring" / "prometheus" / "alerts.yml"
ALERTS_INTRODUCTION = """\
The rules that ship with Lifelong. *critical*: users get no lists or stale ones. *warning*: look at it the same day.
Every rule has a promtool test of when it fires and when it is silent. `{{ … }}` is filled in by Prometheus.
"""


def alerts_page() -> str:
    """Return the page as Markdown."""
    parts = ["# Alerts", ALERTS_INTRODUCTION]
    for group in yaml.safe_load(ALERT_RULES.read_text())["groups"]:
        parts.append(f"## {group['name'].capitalize()}")
        for rule in group["rules"]:
            parts += _rule(rule)
    return "\n\n".join(parts) + "\n"


def _rule(rule: dict[str, Any]) -> list[str]:
    annotations = rule["annotations"]
    severity = f"*{rule['labels']['severity']}*, after {rule.get('for', 'one evaluation')}: `{annotations['summary']}`"
    expression = f"```promql\n{rule['expr'].strip()}\n```"
    return [f"### {rule['alert']}", severity, prose(annotations["description"]), expression]
