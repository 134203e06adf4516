"""The metrics of the planner and its language model, and the observer that feeds them."""

from __future__ import annotations

from typing import get_args

from prometheus_client import Counter, Gauge, Histogram

from agents.llm.budgets import Spent
from agents.llm.planner import ProposalOutcome
from schemas.errors import LanguageFault

LLM_CALLS = Counter("lifelong_llm_calls_total", "Calls of the language model, by what became of them.", ["outcome"])
LLM_TOKENS = Counter("lifelong_llm_tokens_total", "Tokens sent to and received from the language model.")
LLM_MONEY = Counter("lifelong_llm_money_total", "What the language model cost, in the currency of llm.price_in.")
LLM_BREAKER = Gauge("lifelong_llm_breaker_open", "1 while the language model is left alone after failures.")
PLANS_ASKED = Counter(
    "lifelong_plans_asked_total", "Plans asked of the language model, by what came of them.", ["outcome"]
)
PLAN_SECONDS = Histogram(
    "lifelong_plan_asked_seconds",
    "Seconds that the language model and its tools took for one plan.",
    buckets=(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0),
)
PASSED_OVER = "late"


def _outcomes() -> tuple[str, ...]:
    own, faults = get_args(ProposalOutcome)[: -len(get_args(LanguageFault))], get_args(LanguageFault)
    return (*own, *faults, PASSED_OVER)


class PlannerMetrics:
    """An `agents.llm.planner.LlmObserver` that feeds the metrics."""

    def __init__(self) -> None:
        for outcome in ("answered", *get_args(LanguageFault)):
            LLM_CALLS.labels(outcome)
        for outcome in _outcomes():
            PLANS_ASKED.labels(outcome)

    def completed(self, outcome: LanguageFault | None, spent: Spent, *, breaker_open: bool) -> None:
        """See `agents.llm.planner.LlmObserver`."""
        LLM_CALLS.labels(outcome or "answered").inc()
        LLM_TOKENS.inc(max(0.0, spent.tokens))
        LLM_MONEY.inc(max(0.0, spent.money))
        LLM_BREAKER.set(1.0 if breaker_open else 0.0)

    def concluded(self, outcome: ProposalOutcome, seconds: float) -> None:
        """See `agents.llm.planner.LlmObserver`."""
        PLANS_ASKED.labels(outcome).inc()
        PLAN_SECONDS.observe(seconds)

    def passed_over(self, plans: int) -> None:
        """Count plans that were too old to be improved."""
        PLANS_ASKED.labels(PASSED_OVER).inc(plans)
