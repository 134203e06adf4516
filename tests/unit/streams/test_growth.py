"""The state of one user is bounded, whatever they do and however often."""

from __future__ import annotations

from agents.memory.consolidation import MOST_CONSOLIDATED
from agents.memory.forgetting import DECISION_LIMITS, FADING_CAPACITY
from streams.backtest.growth import grow


def test_what_is_remembered_stays_as_large_as_it_is() -> None:
    points = list(grow(900, points=6))
    most = MOST_CONSOLIDATED + sum(FADING_CAPACITY.values()) + sum(DECISION_LIMITS.values())
    assert [point.events for point in points] == [150, 300, 450, 600, 750, 900]
    assert all(0 < point.memories <= most for point in points)
    assert any(point.consolidated for point in points)
    half, whole = points[2], points[-1]
    assert whole.agent_bytes < 1.1 * half.agent_bytes


def test_the_same_seed_gives_the_same_state() -> None:
    first, again = (list(grow(200, points=1)) for _ in range(2))
    assert (first[0].bytes, first[0].memories) == (again[0].bytes, again[0].memories)
