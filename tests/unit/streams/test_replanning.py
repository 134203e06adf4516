"""Whether re-planning pays: arms differ in their plans alone, see no future, and are compared after re-plannings."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from agents.agent_state import AgentState
from deploy.settings import Settings
from deploy.wiring import make_system_config
from features.user_state import UserState
from schemas.ids import MemoryId, PlanId, UserId
from schemas.plans import Intent, Plan
from streams.backtest.config import BacktestConfig, EventLog
from streams.backtest.pipeline import BacktestPipeline
from streams.outcomes.batch_outcome import BatchOutcome
from streams.replanning.arms import ArmPlans, RandomTimes
from streams.replanning.results import replanning_results
from streams.replanning.run import ArmsReplay, Compared, ReplanningRun
from streams.replanning.windows import Replanning, in_windows, matched_controls
from streams.state.user_record import UserRecord
from tests.builders import START, click
from tests.unit.streams.backtest_logs import generated

SYSTEM = make_system_config(Settings())
CONFIG = BacktestConfig(resamples=50)
SIZE = 150


@pytest.fixture(scope="module")
def log() -> EventLog:
    return generated(SIZE)


@pytest.fixture(scope="module")
def compared(log: EventLog) -> Compared:
    return ArmsReplay(log, SYSTEM, CONFIG).play(lambda step: None)


def test_ranking_a_choice_once_more_gives_the_list_that_production_made(log: EventLog) -> None:
    again: list[bool] = []

    def rank_again(outcome: BatchOutcome) -> None:
        for prequential, ranking in outcome.evaluated:
            [other] = pipeline.rank([prequential.query()])
            shown = [[placed.item_id for placed in one.slate] for one in (other, ranking)]
            again.append(shown[0] == shown[1] and other.items == ranking.items)

    pipeline = BacktestPipeline(
        SYSTEM, CONFIG, on_row=lambda row: None, on_evaluated=lambda row: None, on_batch=rank_again
    )
    for _, event in log.events[:60]:
        pipeline.play(event)
    assert len(again) > 40
    assert all(again)


def test_every_arm_ranks_the_same_choices_and_lists_differ_where_plans_do(compared: Compared) -> None:
    assert {len(ranks) for ranks in compared.ranks.values()} == {len(compared.index)}
    # Nearly every event of this log begins a session, so that random times are production's.
    assert {arm for arm, differs in compared.differs.items() if differs.any()} >= {"none", "static", "swapped"}
    assert not any(differs.all() for differs in compared.differs.values())
    assert len(compared.replannings) > 20


def test_every_compared_replanning_has_its_next_choices_among_those_evaluated(compared: Compared) -> None:
    first = int(SIZE * CONFIG.warm_up)
    assert compared.index.min() >= first
    assert all(replanning.index >= first for replanning in compared.replannings)


def test_later_events_change_no_arm(log: EventLog, compared: Compared) -> None:
    first = 90
    cut = replace(log, rows=first, events=log.events[:first])
    early = ArmsReplay(cut, SYSTEM, replace(CONFIG, warm_up=0.2 * SIZE / first)).play(lambda step: None)
    upto = compared.index < first
    assert upto.sum() == len(early.index) > 40
    for arm, ranks in early.ranks.items():
        np.testing.assert_array_equal(ranks, compared.ranks[arm][upto])


def test_results_name_every_arm_and_the_budgets_are_alike(compared: Compared) -> None:
    results = replanning_results(ReplanningRun(compared, compared.ranks["none"]), CONFIG)
    everything = results.groups[0]
    assert everything.name == "all"
    assert [gain.against for gain in everything.gains] == ["none", "static", "random", "swapped", "never planned"]
    assert results.replannings == dict(Counter(one.trigger for one in compared.replannings))
    assert results.random == pytest.approx(sum(results.replannings.values()), rel=0.25)


def test_random_times_are_as_many_as_production_s_per_user_and_elsewhere() -> None:
    times = RandomTimes(np.random.default_rng(3))
    drawn: Counter[str] = Counter()
    for number in range(4_000):
        for user, every in (("often", 4), ("seldom", 40)):
            fires = number % every == 0
            drawn[user] += times.draw(UserId(user), "session-start" if fires else None) is not None
    assert drawn["often"] == pytest.approx(1_000, rel=0.15)
    assert drawn["seldom"] == pytest.approx(100, rel=0.4)


def test_static_keeps_the_first_plan_and_swapped_takes_that_of_another() -> None:
    arms = ArmPlans(seed=1)
    for number in range(6):
        for user in ("ann", "bob"):
            name = f"{user}-{number}"
            arms.after(planned(user, name), click(user, f"i{number}", at=number), "session-start")
    followed = {arm: record.plan for arm, record in arms.records(planned("ann", "ann-9")).items()}
    assert followed["none"] is None
    assert [plan.plan_id for plan in (followed["static"], followed["swapped"]) if plan] == ["ann-0", "bob-4"]
    assert {plan.user_id for plan in followed.values() if plan} == {"ann"}


def planned(user: str, name: str) -> UserRecord:
    intent = Intent(category=name, weight=1.0, confidence=1.0, memory_id=MemoryId("m"))
    times: Any = {"made_at": START, "expires_at": START + 60.0}
    plan = Plan(plan_id=PlanId(name), user_id=UserId(user), goal="", intents=(intent,), **times)
    return UserRecord(user=UserState(user_id=UserId(user)), agent=AgentState(plan=plan), version=1)


def test_a_window_is_the_next_choices_of_the_user_and_counts_each_once() -> None:
    users = np.tile(np.array([0, 1], np.int32), 40)
    moments = [Replanning(1, 0, "taste-drift", 0.0, 9), Replanning(11, 0, "taste-drift", 5.0, 14)]
    within = in_windows(moments, np.arange(80), users)
    assert np.flatnonzero(within).tolist() == list(range(2, 52, 2))


def test_controls_are_calm_users_with_as_many_choices_nearest_in_time_each_once() -> None:
    drifts = [Replanning(10, 0, "taste-drift", 10.0, 20), Replanning(11, 1, "contradiction", 11.0, 21)]
    others = [
        Replanning(12, 0, "session-start", 10.0, 30),  # the drifted user's, within a window of the drift
        Replanning(13, 2, "session-start", 12.0, 25),
        Replanning(14, 3, "plan-expired", 50.0, 31),
        Replanning(15, 4, "session-start", 10.0, 200),
    ]
    assert [control.user for control in matched_controls(drifts, [*drifts, *others])] == [2, 3]


def test_a_plan_that_always_hits_beats_the_placebos() -> None:
    choices = 60
    nothing = {arm: np.zeros(choices, np.int16) for arm in ("none", "static", "random", "swapped")}
    compared = Compared(
        index=np.arange(choices),
        user=np.arange(choices, dtype=np.int32) % 6,
        planned=np.ones(choices, np.int16),
        ranks=nothing,  # type: ignore[arg-type]
        differs={arm: ranks == 0 for arm, ranks in nothing.items()},  # type: ignore[misc]
        replannings=tuple(Replanning(0, user, "session-start", 0.0, 1) for user in range(6)),
        random_plans=6,
        milliseconds=0.0,
    )
    results = replanning_results(ReplanningRun(compared, nothing["none"]), CONFIG)
    assert [group.beats_placebos for group in results.groups] == [True, True]
    assert results.groups[0].gains[0].hit_rate.value == 1.0
    assert (results.whole.choices, results.groups[0].choices) == (60, 59)
