"""Counts the entries of the ledger of plans, and the triggers that had no budget for one."""

from __future__ import annotations

from typing import get_args

from prometheus_client import Counter

from agents.proposals import DEFAULT_AUTHORS
from schemas.plans import PlanEntry, TriggerName

PLANS_TOTAL = Counter("lifelong_plans_total", "Ledger entries, by trigger and decision.", ["trigger", "decision"])
PROPOSALS_TOTAL = Counter(
    "lifelong_proposals_total", "Ledger entries of plans from outside the worker, by decision.", ["decision"]
)
SUPPRESSED = Counter("lifelong_suppressed_total", "Triggers that fired without budget for a plan.", ["trigger"])


def start_plans() -> None:
    """Show zero from the start: a rate needs a value before the first increase."""
    for trigger in get_args(TriggerName):
        for decision in ("accepted", "rejected"):
            PLANS_TOTAL.labels(trigger, decision)
    for decision in ("accepted", "rejected"):
        PROPOSALS_TOTAL.labels(decision)


def count_plan(entry: PlanEntry) -> None:
    """Count one entry."""
    PLANS_TOTAL.labels(entry.trigger, entry.decision).inc()
    if entry.plan.author not in DEFAULT_AUTHORS:
        PROPOSALS_TOTAL.labels(entry.decision).inc()
