"""The metric of the lines that explain items to users."""

from __future__ import annotations

from typing import get_args

from prometheus_client import Counter

from agents.explanations import LineKind

EXPLANATIONS = Counter(
    "lifelong_explanations_total", "Lines that explain items of lists, by what they rest on.", ["kind"]
)
for _kind in get_args(LineKind):
    EXPLANATIONS.labels(_kind)
