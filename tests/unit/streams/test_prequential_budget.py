"""How many prequential queries are ranked over time."""

from __future__ import annotations

import pytest

from streams.state.prequential_budget import PrequentialBudget


@pytest.mark.parametrize("per_second", [0.5, 1.5, 40.0])
def test_over_time_as_many_are_ranked_as_the_budget_says(per_second: float) -> None:
    budget = PrequentialBudget(per_second=per_second)
    ranked = sum(len(budget.spent(range(8), most=4, now=number / 20.0)) for number in range(20 * 60))
    assert ranked == pytest.approx(60 * per_second, rel=0.05, abs=2.0)


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    budget = PrequentialBudget(per_second=2.0)
    assert budget.spent(range(9), most=9, now=100.0) == [0, 4]
    assert budget.spent(range(9), most=9, now=50.0) == []
    assert len(budget.spent(range(9), most=9, now=51.0)) == 2
