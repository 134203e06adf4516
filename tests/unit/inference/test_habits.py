"""What users choose at this time of day and of the week."""

from __future__ import annotations

import numpy as np
import pytest

from features.user_state import UserState, fold
from inference.signals.habits import at_this_time
from schemas.ids import ItemId, UserId
from tests.builders import START, click

HOUR, DAY = 3_600.0, 86_400.0
NUMBER = {ItemId("coffee"): 0, ItemId("gym"): 1, ItemId("cinema"): 2}


@pytest.fixture(scope="module")
def regular() -> UserState:
    """Coffee every morning of two weeks, the gym once a week at the same hour, something unknown at night."""
    state = UserState(user_id=UserId("u1"))
    for day in range(14):
        state = fold(state, click("u1", "coffee", at=day * DAY))
        if day % 7 == 3:
            state = fold(state, click("u1", "gym", at=day * DAY + HOUR))
        state = fold(state, click("u1", "unknown", at=day * DAY + 12 * HOUR))
    return state


def near(state: UserState, at: float) -> np.ndarray:
    known = [entry for entry in state.recent if entry.item_id in NUMBER]
    ages = np.array([START + at - entry.at for entry in known])
    return at_this_time(ages, np.array([NUMBER[entry.item_id] for entry in known], np.int64), 3).T


def test_choices_at_this_hour_count_and_those_at_other_hours_do_not(regular: UserState) -> None:
    morning, evening = near(regular, 14 * DAY)[:, 0], near(regular, 14 * DAY + 12 * HOUR)[:, 0]
    assert morning[0] == pytest.approx(np.log1p(14))
    assert evening[0] < 0.01
    assert morning[2] == evening[2] == 0.0


def test_the_day_of_the_week_distinguishes_what_the_hour_does_not(regular: UserState) -> None:
    gym_day, other_day = near(regular, 17 * DAY + HOUR)[1], near(regular, 14 * DAY + HOUR)[1]
    assert gym_day[0] == pytest.approx(other_day[0])
    assert gym_day[1] == pytest.approx(np.log1p(2))
    assert other_day[1] < 0.01


def test_a_user_without_choices_has_no_habits() -> None:
    assert not near(UserState(user_id=UserId("u2")), 0.0).any()
