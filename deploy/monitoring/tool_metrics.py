"""The metrics of tools, and the observer that feeds them."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

from agents.actions.registry import TOOLS
from schemas.errors import ToolFault

TOOL_CALLS = Counter(
    "lifelong_tool_calls_total", "Calls of tools by agents, by what became of them.", ["tool", "outcome"]
)
TOOL_SECONDS = Histogram(
    "lifelong_tool_seconds",
    "Seconds that a call of a tool took.",
    ["tool"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)


class ToolMetrics:
    """An `agents.actions.toolbox.ToolObserver` that feeds the metrics."""

    def __init__(self) -> None:
        for row in TOOLS:
            TOOL_CALLS.labels(row.name, "answered")

    def called(self, name: str, outcome: ToolFault | None, seconds: float) -> None:
        """See `agents.actions.toolbox.ToolObserver`."""
        TOOL_CALLS.labels(name or "unknown", outcome or "answered").inc()
        if name:
            TOOL_SECONDS.labels(name).observe(seconds)
