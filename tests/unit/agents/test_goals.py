"""Goals of several steps: what counts, what comes next, when they are reached, and what the plan makes of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.agent_state import RANK_ONLY
from agents.goals import LEADING_STEPS, MOST_GOALS, next_steps, progress
from features.agent_preferences import NextStep
from schemas.instructions import BanCategory, BanItem, Lift, LiftAll, LiftGoal, MoreOf, SetAutonomy, SetGoal, Undo
from schemas.interactions import Click, Hide, Skip
from tests.unit.agents.scenarios import START, Life, after, event, life_of

HOUR = 3_600.0
TRILOGY = ("jazz-1", "jazz-2", "folk-1")


def goal(at: float, name: str = "the trilogy", **more: Any) -> SetGoal:
    fields = more if more.keys() & {"items", "category"} else {"items": TRILOGY, **more}
    return event(SetGoal, at, name=name, **fields)  # type: ignore[no-any-return]


def steps_of(life: Life, later: float = 0.0) -> list[NextStep]:
    now = life.state.last_at + later
    return list(next_steps(life.agent.goals, life.state, now, life.agent.dropped(life.state)))


def done_of(life: Life) -> list[tuple[int, int]]:
    dropped = life.agent.dropped(life.state)
    return [(each.done, each.total) for each in (progress(goal, dropped) for goal in life.agent.goals)]


def texts(life: Life, later: float = 0.0) -> list[tuple[str, ...]]:
    return [(step.text, *step.items) for step in steps_of(life, later)]


def test_the_next_item_of_a_sequence_leads_until_the_session_has_had_its_share() -> None:
    life = life_of(goal(0), event(Click, 60, "rock-1"))
    assert texts(life) == [("step 1 of 3 of the trilogy", "jazz-1")]
    life = after(life, [event(Click, 120, "jazz-1")])
    assert (texts(life), done_of(life)) == ([], [(1, 3)])
    assert texts(life, later=HOUR) == [("step 2 of 3 of the trilogy", "jazz-2")]


def test_steps_may_be_taken_out_of_order_and_before_the_goal_was_set() -> None:
    life = life_of(event(Click, 0, "jazz-1"), goal(60), event(Click, 120, "folk-1"))
    assert done_of(life) == [(2, 3)]
    assert texts(life, later=HOUR) == [("step 2 of 3 of the trilogy", "jazz-2")]


def test_what_was_chosen_before_takes_no_share_of_the_session() -> None:
    life = life_of(event(Click, 0, "jazz-1"), goal(60))
    assert texts(life) == [("step 2 of 3 of the trilogy", "jazz-2")]


def test_only_choices_are_steps() -> None:
    assert done_of(life_of(goal(0), event(Skip, 60, "jazz-1"))) == [(0, 3)]


@pytest.mark.parametrize("refused", [event(BanItem, 90, "jazz-2"), event(Hide, 90, "jazz-2")])
def test_an_item_that_is_banned_or_hidden_is_no_step(refused: Any) -> None:
    life = life_of(goal(0, per_session=3), event(Click, 60, "jazz-1"), refused)
    assert texts(life) == [("step 2 of 2 of the trilogy", "folk-1")]
    assert done_of(life) == [(1, 2)]


def test_the_last_step_fires_the_trigger_and_the_plan_is_made_without_the_goal() -> None:
    life = life_of(goal(0, per_session=3), event(Click, 60, "jazz-1"), event(Click, 120, "jazz-2"))
    assert life.agent.plan is not None
    assert [each.name for each in life.agent.plan.goals] == ["the trilogy"]
    life = after(life, [event(Click, 180, "folk-1")])
    assert life.last.trigger == "goal-reached"
    assert [(entry.decision, entry.trigger, len(entry.plan.goals)) for entry in life.last.entries] == [
        ("superseded", "goal-reached", 1),
        ("accepted", "goal-reached", 0),
    ]
    assert (steps_of(life), done_of(life)) == ([], [(3, 3)])
    assert after(life, [event(Click, 240, "folk-1")]).last.trigger is None


def test_without_autonomy_goals_lead_and_no_plan_is_made() -> None:
    alone = event(SetAutonomy, 0, level=RANK_ONLY)
    life = life_of(alone, goal(1, per_session=3), *(event(Click, 60 + n, item) for n, item in enumerate(TRILOGY)))
    assert (life.agent.plan, done_of(life), life.last.trigger) == (None, [(3, 3)], None)


def test_so_many_of_a_category_count_from_the_goal_on_each_item_once() -> None:
    two = goal(60, name="two of jazz", category="Jazz", count=2)
    life = life_of(event(Click, 0, "jazz-1"), two, *(event(Click, 90 + n, "jazz-2") for n in range(2)))
    assert done_of(life) == [(1, 2)]
    assert [step.category for step in steps_of(life, later=HOUR)] == ["Jazz"]
    assert after(life, [event(Click, HOUR * 2, "jazz-folk")]).last.trigger == "goal-reached"


def test_choices_that_arrive_before_the_goal_count_as_if_they_came_after_it() -> None:
    two = goal(60, name="two of jazz", category="jazz", count=2)
    assert done_of(life_of(event(Click, 90, "jazz-2"), two)) == [(1, 2)]


def test_a_goal_in_ascending_order_goes_on_from_the_highest_level_reached() -> None:
    climb = goal(0, name="learn", category="jazz", count=3, ascending="level", per_session=3)
    life = life_of(climb, event(Click, 60, "jazz-2"))
    [step] = steps_of(life)
    assert (step.fact, step.at_least, step.text) == ("level", 2.0, "step 2 of 3 of learn")
    assert done_of(after(life, [event(Click, 90, "jazz-folk")])) == [(1, 3)], "its level is not known"


def test_a_goal_is_lifted_by_its_name_undone_and_ends_on_time() -> None:
    assert done_of(life_of(goal(0), event(Lift, 60, value="The Trilogy"))) == []
    assert done_of(life_of(goal(0), event(LiftAll, 60))) == []
    assert done_of(life_of(goal(0), event(Lift, 60, value="another"))) == [(0, 3)]
    assert done_of(life_of(event(MoreOf, 0, category="folk"), goal(30), event(Undo, 60))) == []
    kept = life_of(goal(0), event(MoreOf, 30, category="folk"), event(Undo, 60))
    assert (done_of(kept), any(each.predicate == "wants-more" for each in kept.agent.memories)) == ([(0, 3)], False)
    ending = life_of(goal(0, until=START + 100.0), event(Click, 60, "jazz-1"))
    assert (done_of(ending), steps_of(ending, later=HOUR)) == ([(1, 3)], [])
    assert done_of(after(ending, [event(Click, 200, "jazz-2")])) == [(1, 3)]


def test_a_goal_is_withdrawn_alone_and_what_is_said_of_its_category_is_not_said_of_it() -> None:
    jazz = goal(0, name="jazz", category="jazz", count=2)
    life = life_of(event(BanCategory, 0, category="jazz"), jazz, event(LiftGoal, 60, name="Jazz"))
    assert (done_of(life), life.agent.constraints.banned_categories) == ([], ("jazz",))
    assert done_of(life_of(goal(0, name="two", category="jazz", count=2), event(Lift, 60, value="jazz"))) == [(0, 2)]
    assert done_of(life_of(goal(60), event(LiftGoal, 0, name="the trilogy"))) == [(0, 3)], "it was set later"


def test_an_instruction_at_the_start_of_a_visit_does_not_hide_the_goal() -> None:
    life = life_of(goal(0), event(Click, 60, "jazz-1"), event(MoreOf, 2 * HOUR, category="rock"))
    assert texts(life) == [("step 2 of 3 of the trilogy", "jazz-2")]
    life = after(life, [event(Click, 2 * HOUR + 60, "rock-1")])
    assert texts(life) == [("step 2 of 3 of the trilogy", "jazz-2")]
    life = after(life, [event(Click, 2 * HOUR + 120, "jazz-2"), event(MoreOf, 2 * HOUR + 180, category="folk")])
    assert texts(life) == [], "the visit has had its share"


def test_a_sequence_of_which_every_item_is_banned_has_no_step_left_and_is_not_pursued() -> None:
    life = life_of(goal(0), *(event(BanItem, 60 + n, item) for n, item in enumerate(TRILOGY)))
    assert life.agent.plan is not None
    assert (steps_of(life), done_of(life), life.agent.plan.goals) == ([], [(0, 0)], ())


def test_a_goal_that_has_ended_is_in_no_plan_and_fires_nothing() -> None:
    ending = goal(0, items=("jazz-1", "jazz-2"), until=START + 100.0)
    life = life_of(ending, event(Click, 60, "jazz-1"), event(MoreOf, 120, category="folk"))
    assert life.agent.plan is not None
    assert life.agent.plan.goals == ()
    life = after(life, [event(Click, 90, "jazz-2")])
    assert (life.last.trigger, done_of(life), steps_of(life)) == (None, [(2, 2)], []), "it came late"


def test_a_newer_goal_of_the_same_name_replaces_the_older_whichever_arrives_first() -> None:
    old, new = goal(0), goal(60, items=("rock-1",))
    for order in ((old, new), (new, old)):
        assert done_of(life_of(*order)) == [(0, 1)]


def test_goals_and_leading_steps_are_bounded() -> None:
    life = life_of(*(goal(n, name=f"goal {n}") for n in range(MOST_GOALS + 3)))
    assert [each.said.name for each in life.agent.goals] == [f"goal {n}" for n in range(3, MOST_GOALS + 3)]
    assert len(steps_of(life)) == LEADING_STEPS


def test_goals_that_have_ended_crowd_out_none_that_go_on() -> None:
    short = [goal(100 * n, name=f"short {n}", until=START + 100 * n + 50) for n in range(1, 2 * MOST_GOALS)]
    life = life_of(goal(0), *short)
    names = [each.said.name for each in life.agent.goals]
    assert names[0] == "the trilogy"
    assert len(names) <= 2 * MOST_GOALS
    assert [step.text for step in steps_of(life, later=HOUR)] == ["step 1 of 3 of the trilogy"]


@pytest.mark.parametrize(
    "steps",
    [
        {},
        {"items": ("a", "a")},
        {"items": ("a",), "category": "jazz", "count": 1},
        {"items": ("a",), "ascending": "price"},
        {"category": "jazz"},
        {"category": "jazz", "count": 33},
        {"items": ("a",), "per_session": 0},
    ],
)
def test_a_goal_without_steps_or_with_two_kinds_of_them_is_refused(steps: dict[str, Any]) -> None:
    who = {"type": "set-goal", "event_id": "e", "user_id": "u", "event_time": START, "name": "g"}
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode({**who, **steps}), type=SetGoal)


GOALS = (
    goal(50, per_session=2),
    goal(51, name="two of jazz", category="jazz", count=2),
    goal(52, name="learn", category="jazz", count=2, ascending="level"),
    goal(53, name="soon", until=START + 70.0),
    goal(54, name="two soon", category="jazz", count=2, until=START + 80.0),
)
CHOICES = st.lists(
    st.tuples(st.sampled_from(["jazz-1", "jazz-2", "jazz-3", "jazz-folk", "folk-1", "rock-1"]), st.integers(0, 100)),
    max_size=12,
    unique=True,
)


@given(CHOICES, st.randoms(use_true_random=False))
def test_progress_is_the_same_in_any_order_and_however_often_events_come(
    choices: list[tuple[str, int]], rng: Any
) -> None:
    events: list[Any] = [*GOALS, *(event(Click, float(at), item) for item, at in choices)]
    shuffled = [*events, *rng.sample(events, len(events) // 2)]
    rng.shuffle(shuffled)
    in_order, in_any = life_of(*events), life_of(*shuffled)
    assert in_any.agent.goals == in_order.agent.goals
    assert steps_of(in_any, later=HOUR) == steps_of(in_order, later=HOUR)
