"""When a plan is made anew, and when the budget says no."""

from __future__ import annotations

from itertools import cycle, islice
from typing import get_args

import pytest

from agents.agent_state import AgentState, apply_event, apply_instruction
from agents.planning.budget import Bucket, Budget, Cost, Spending, spend, take
from agents.planning.drift import Drift, divergence, watch
from agents.planning.rule_planner import STRATEGIES, RulePlanner
from agents.planning.triggers import TRIGGERS, TriggerContext, fire
from features.user_state import UserState, fold
from schemas.instructions import BanCategory, MoreOf
from schemas.interactions import Click, Skip
from schemas.plans import TriggerName
from tests.unit.agents.scenarios import START, USER, Life, after, event, life_of, shown

HOUR = 3_600.0


def skips(n: int, start: float) -> list[Skip]:
    return [event(Skip, start + k, "jazz-1") for k in range(n)]


def test_every_trigger_has_one_row_and_one_strategy() -> None:
    assert sorted(trigger.name for trigger in TRIGGERS) == sorted(get_args(TriggerName)) == sorted(STRATEGIES)


def test_the_first_event_begins_a_session_and_a_plan() -> None:
    step = life_of(event(Click, 0.0, "jazz-1")).last
    assert step.trigger == "session-start"
    assert step.agent.plan is not None
    assert [entry.decision for entry in step.entries] == ["accepted"]


def test_within_a_session_the_plan_stays() -> None:
    life = life_of(event(Click, 0.0, "jazz-1"), event(Click, 50.0, "jazz-2"))
    assert (life.last.trigger, life.last.entries) == (None, ())
    assert life.agent.plan == life.steps[0].agent.plan


def test_coming_back_begins_a_new_session_and_supersedes_the_plan() -> None:
    sitting = [event(Click, 60.0 * k, "jazz-1") for k in range(70)]
    life = life_of(*sitting, event(Click, 69 * 60.0 + HOUR / 2 + 1.0, "jazz-2"))
    assert life.last.trigger == "session-start"
    assert [entry.decision for entry in life.last.entries] == ["superseded", "accepted"]


def test_three_skips_in_a_row_are_a_run() -> None:
    life = life_of(event(Click, 0.0, "jazz-1"), *skips(3, 10.0))
    assert [step.trigger for step in life.steps] == ["session-start", None, None, "skip-run"]


def test_a_choice_ends_a_run_of_skips() -> None:
    life = life_of(*skips(2, 0.0), event(Click, 5.0, "jazz-1"), *skips(2, 10.0))
    assert life.last.trigger is None


def test_a_run_that_goes_on_is_suppressed_while_it_cools_down_and_the_step_says_so() -> None:
    life = life_of(event(Click, 0.0, "jazz-1"), *skips(6, 10.0))
    assert life.last.trigger is None
    assert life.last.suppressed == ("skip-run",)


def test_a_run_fires_again_after_it_has_cooled_down() -> None:
    life = life_of(event(Click, 0.0, "jazz-1"), *skips(3, 10.0), *skips(3, 100.0))
    assert life.last.trigger == "skip-run"


def test_answering_the_last_item_of_the_newest_slate_exhausts_it() -> None:
    life = life_of(shown(0.0, "jazz-1", "folk-1"), event(Click, 5.0, "jazz-1"), event(Skip, 9.0, "folk-1"))
    assert [step.trigger for step in life.steps] == ["session-start", None, "slate-exhausted"]


def test_an_expired_plan_is_replaced() -> None:
    life = life_of(event(Click, 0.0, "jazz-1"), event(Click, 50.0, "jazz-2"), event(Click, 61.0, "jazz-1"))
    assert [step.trigger for step in life.steps] == ["session-start", None, "plan-expired"]
    assert [entry.decision for entry in life.last.entries] == ["expired", "accepted"]


def test_users_with_little_evidence_are_re_planned_sooner() -> None:
    life = life_of(*(event(Click, 10.0 * k, "jazz-1") for k in range(200)))
    plans = [entry.plan for step in life.steps for entry in step.entries if entry.decision == "accepted"]
    lengths = [plan.expires_at - plan.made_at for plan in plans]
    assert lengths == sorted(lengths)
    assert lengths[0] == 60.0
    assert len(plans) < 8


def test_an_expired_plan_ends_even_without_the_budget_for_a_new_one() -> None:
    begun = life_of(event(Click, 0.0, "jazz-1"))
    life = after(begun, [event(Click, 61.0, "jazz-2")], planner=RulePlanner(cost=Cost(milliseconds=1e6)))
    assert (life.agent.plan, life.last.suppressed) == (None, ("plan-expired",))
    assert [entry.decision for entry in life.last.entries] == ["expired"]


def test_an_instruction_is_obeyed_however_often_it_comes() -> None:
    life = life_of(*(event(MoreOf, k * 0.1, category=f"c{k}") for k in range(50)))
    assert {step.trigger for step in life.steps} == {"instruction"}


def test_a_lasting_change_of_preference_is_detected_once() -> None:
    habit = [event(Click, 60.0 * k, "jazz-1") for k in range(60)]
    change = [event(Click, 60.0 * k, "rock-1") for k in range(60, 100)]
    life = life_of(*habit, *change)
    noticed = [index for index, step in enumerate(life.steps) if step.trigger == "taste-drift"]
    assert len(noticed) == 1
    assert 60 < noticed[0] < 75
    plan = life.agent.plan
    assert plan is not None
    assert plan.intents[0].category in ("jazz", "rock")


def test_a_user_of_many_interests_does_not_drift() -> None:
    items = islice(cycle(["jazz-1", "folk-1", "rock-1", "jazz-folk", "jazz-2"]), 400)
    life = life_of(*(event(Click, 60.0 * k, item) for k, item in enumerate(items)))
    assert "taste-drift" not in [step.trigger for step in life.steps]


def test_a_late_event_does_not_move_the_drift_detector() -> None:
    life = life_of(*(event(Click, 60.0 * k, "jazz-1") for k in range(5)))
    assert after(life, [event(Click, 30.0, "rock-1")]).agent.drift == life.agent.drift


def test_the_drift_test_restarts_after_a_detection() -> None:
    drift, spoken = Drift(), []
    for distance in [0.05] * 40 + [0.6] * 10:
        drift, drifted = watch(drift, distance)
        spoken.append(drifted)
    assert spoken.count(True) == 1
    assert drift.seen < 10


def test_the_distance_of_preferences_is_symmetric_and_ignores_dislikes() -> None:
    left, right = {"a": 0.7, "b": 0.3, "c": -1.0}, {"a": 0.1, "d": 0.9}
    assert divergence(left, right) == pytest.approx(divergence(right, left))
    assert divergence(left, {"a": 0.7, "b": 0.3}) == pytest.approx(0.0)


def test_a_plan_beyond_its_budget_is_made_for_instructions_only() -> None:
    expensive = RulePlanner(cost=Cost(tokens=1e6))
    life = after(Life(), [event(Click, 0.0, "jazz-1"), event(MoreOf, 1.0, category="jazz")], planner=expensive)
    assert (life.steps[0].trigger, life.steps[0].suppressed) == (None, ("session-start",))
    assert life.last.trigger == "instruction"


def test_a_bucket_holds_one_minutes_budget_and_refills_with_event_time() -> None:
    bucket, paid = Bucket(), 0
    for second in range(60):
        after_taking = take(bucket, 1.0, 10.0, now=START + second)
        paid += after_taking is not None
        bucket = after_taking or bucket
    assert paid == 10 + 9


def test_time_that_runs_back_refills_nothing() -> None:
    bucket = take(Bucket(), 10.0, 10.0, now=START)
    assert bucket is not None
    assert take(bucket, 1.0, 10.0, now=START - 3_600.0) is None


def test_a_condition_that_stays_true_is_debounced_until_it_has_been_quiet() -> None:
    budget, spending = Budget(debounce=10.0), Spending()
    paid = []
    for at in (0.0, 5.0, 12.0, 30.0):
        spending, one = spend(spending, budget, Cost(), START + at)
        paid.append(one)
    assert paid == [True, False, False, True]


def test_without_triggers_nothing_is_planned_and_what_is_said_holds_all_the_same() -> None:
    click, ban = event(Click, 0.0, "jazz-1"), event(BanCategory, 5.0, category="folk")
    life = after(Life(), [click])
    state = fold(life.state, event(Click, 1.0, "jazz-2"))
    step = apply_event(AgentState(), UserState(user_id=USER), state, click, ("jazz",), event_source_id="s", triggers=())
    assert (step.trigger, step.agent.plan, len(step.memories)) == (None, None, 1)
    told = apply_instruction(step.agent, state, state, ban, event_source_id="t", triggers=())
    assert (told.trigger, told.agent.plan, told.agent.constraints.banned_categories) == (None, None, ("folk",))


def test_of_several_triggers_only_the_enabled_ones_fire() -> None:
    coming_back = TriggerContext(before=UserState(user_id=USER), after=life_of(event(Click, 0.0, "jazz-1")).state)
    assert fire(coming_back, {}, Cost()).trigger == "session-start"
    assert fire(coming_back, {}, Cost(), ("taste-drift",)).trigger is None
