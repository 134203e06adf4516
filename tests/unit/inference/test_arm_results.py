"""Results of experiments: right as often as they say, however often one looks, and not fooled by busy users."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from inference.evaluation.experiments.arm_log import ExperimentLog, UserLog, experiment_log, last_experiment
from inference.evaluation.experiments.arm_results import experiment_results
from inference.evaluation.experiments.sample_ratio import sample_ratio_mismatch
from inference.evaluation.intervals.asymptotic_sequence import UserRatios, difference, one_look, paired
from inference.experiment import Arm, Experiment
from schemas.ids import EventId, ItemId, ListId, UserId
from schemas.ranking_log import Choice, ListOutcome, Ranked, RankingLogEntry

START = 1_700_000_000.0
LEVEL, WORLDS = 0.1, 200
LOOKS = (40, 80, 120, 200, 300, 450, 700, 1_000, 1_500)


def ranked(number: int, user: str, arm: str, **more: object) -> Ranked:
    values: dict[str, object] = {"items": (ItemId("a"), ItemId("b")), "experiment": "spring", "arm": arm} | more
    return Ranked(
        entry_id=f"l{number}-ranked", user_id=UserId(user), event_time=START, list_id=ListId(f"l{number}"), table="t",
        features=b"", propensities=(None, None), feature_time=START, user_features={}, model_version=number, **values,  # type: ignore[arg-type]
    )  # fmt: skip


def outcome(number: int, *clicked: str, shown: tuple[str, ...] = ("a", "b"), late: bool = False) -> ListOutcome:
    return ListOutcome(
        entry_id=f"o{number}-{late}-{clicked}",
        user_id=UserId("whoever"),
        event_time=START,
        list_id=ListId(f"l{number}"),
        shown=tuple(map(ItemId, shown)),
        clicked=tuple(map(ItemId, clicked)),
        late=late,
    )


def choice(number: int, user: str, arm: str, *, rank: int | None = None, **more: object) -> Choice:
    values: dict[str, object] = {"experiment": "spring", "chosen": 0} | more
    return Choice(
        entry_id=f"c{number}", user_id=UserId(user), event_time=START, event_id=EventId(f"e{number}"),
        item_id=ItemId("a"), table="t", items=(), features=b"", rank=rank, seen_before=False, model_version=1,
        arm=arm, **values,  # type: ignore[arg-type]
    )  # fmt: skip


LOG: list[RankingLogEntry] = [
    ranked(1, "ann", "control"),
    ranked(2, "ann", "control"),
    ranked(3, "bob", "bold", as_champion=True),
    ranked(4, "cid", "bold"),
    ranked(5, "eve", "bold"),
    ranked(6, "eve", "control"),
    ranked(7, "ann", "bold", experiment="autumn"),
    outcome(1, "a"),
    outcome(1, "b", shown=(), late=True),
    outcome(3, "a", "x", shown=("a", "x")),
    outcome(4, "x", shown=("x",)),
    outcome(7, "a"),
    choice(1, "ann", "control", rank=3, ranks={"control": 3, "bold": 1}),
    choice(2, "bob", "bold", rank=None, ranks={"control": 1, "bold": 30}),
    choice(3, "bob", "bold", rank=1, ranks={"control": 1, "bold": 1}, list_id=ListId("l3")),
    choice(4, "cid", "bold", chosen=None),
]


def test_the_log_is_counted_by_user_and_arm() -> None:
    results = experiment_log([*LOG, *LOG], "spring")
    assert results.people == {
        "ann": UserLog("control", lists=2, seen=1, clicks=2, choices=1, hits=1),
        "bob": UserLog("bold", lists=1, seen=1, clicks=1, choices=2, hits=1, as_champion=1),
        "cid": UserLog("bold", lists=1, choices=1),
    }
    assert results.organic_ranks == [("ann", {"control": 3, "bold": 1}), ("bob", {"control": 1, "bold": 30})]
    assert sorted(results.left_out.values()) == [1, 1, 1]
    assert results.versions == (1, 6)
    assert last_experiment(LOG) == "spring"
    assert last_experiment([]) == ""


def test_results_tell_arms_apart_from_shadows() -> None:
    shadowed = [choice(9, "ann", "control", rank=1, ranks={"control": 1, "bold": 2, "dim": 4}), *LOG]
    experiment = Experiment("spring", Arm(name="control"), [Arm(name="bold", share=0.5), Arm(name="dim")])
    results = experiment_results(experiment_log(shadowed, "spring"), experiment=experiment)
    assert [(arm.arm, arm.role, arm.people) for arm in results.arms] == [
        ("control", "control", 1),
        ("bold", "arm", 2),
        ("dim", "shadow", 0),
    ]
    gain = results.paired[0]
    assert set(gain.differences) == {"bold", "dim"}
    assert gain.values["dim"].value == pytest.approx(1 / np.log2(5))
    assert gain.differences["dim"].value == pytest.approx(1 / np.log2(5) - 1)
    assert results.sample_ratio is not None
    assert sum(results.sample_ratio.people.values()) == 4


def test_a_share_that_grew_meanwhile_excludes_users_and_raises_no_alarm() -> None:
    before, after = (Experiment("spring", Arm(name="control"), [Arm(name="bold", share=share)]) for share in (0.1, 0.5))
    users = [UserId(f"u{number}") for number in range(600)]
    log = [
        ranked(2 * at + late, user, arm.name)
        for at, user in enumerate(users)
        for late, experiment in enumerate((before, after))
        if (arm := experiment.arm_of(user))
    ]
    results = experiment_results(experiment_log(log, "spring"), experiment=after)
    assert 180 < results.left_out["people who changed arms, as shares were changed"] < 300
    assert results.sample_ratio is not None
    assert not results.sample_ratio.is_alarming
    assert results.sample_ratio.expected == {"control": 300.0, "bold": 300.0}


def people(rng: np.random.Generator, count: int, lift: float = 0.0) -> ExperimentLog:
    """Users of two arms: most hardly ever come or click, a few do all the time; seven in ten are in control."""
    alive: dict[UserId, UserLog] = {}
    for number in range(count):
        seen = 1 + rng.geometric(0.25) + (rng.random() < 0.05) * rng.integers(20, 60)
        arm = "bold" if rng.random() < 0.3 else "control"
        keen = min(1.0, rng.beta(0.4, 3.0) + (lift if arm == "bold" else 0.0))
        clicks = int(rng.binomial(seen, keen))
        alive[UserId(f"u{number}")] = UserLog(
            arm, lists=seen, seen=seen, clicks=clicks, choices=clicks, hits=clicks // 2
        )
    return ExperimentLog(experiment="spring", people=alive, organic_ranks=[])


def first(whole: ExperimentLog, count: int) -> ExperimentLog:
    return ExperimentLog(experiment="spring", people=dict(list(whole.people.items())[:count]), organic_ranks=[])


def false_alarms(name: str, looks: Sequence[int]) -> tuple[float, float]:
    """How often a difference of nothing is found at any look: by our interval, and by the usual one."""
    ours = usual = 0
    for world in range(WORLDS):
        whole = people(np.random.default_rng(world), looks[-1])
        found_ours = found_usual = False
        for look in looks:
            metric = next(m for m in experiment_results(first(whole, look), level=LEVEL).between if m.name == name)
            results = metric.differences["bold"]
            found_ours |= not results.low <= 0.0 <= results.high
            ends = [metric.values[arm] for arm in ("bold", "control")]
            spread = sum(((end.high - end.low) / 3.92) ** 2 for end in ends) ** 0.5
            found_usual |= abs(results.value) > 1.645 * spread
        ours += found_ours
        usual += found_usual
    return ours / WORLDS, usual / WORLDS


@pytest.mark.parametrize("name", ["clicks per list seen", "choices per person", "choices in their list of 10"])
def test_a_difference_of_nothing_is_hardly_ever_found_however_often_one_looks(name: str) -> None:
    ours, usual = false_alarms(name, LOOKS)
    assert ours <= LEVEL
    assert usual > 1.5 * LEVEL, "the usual interval looked at as often errs, or this test could not fail"


def test_users_who_come_back_more_often_raise_no_alarm() -> None:
    """The same users at every look, each time with more lists: what a user is like stays what they are like."""
    alarms = 0
    for world in range(WORLDS):
        rng = np.random.default_rng(world)
        arm, keen = rng.random(300) < 0.5, rng.beta(0.4, 3.0, 300)
        seen, clicks, alarmed = np.zeros(300), np.zeros(300), False
        for _ in range(12):
            more = rng.poisson(2.0, 300)
            seen, clicks = seen + more, clicks + rng.binomial(more, keen)
            ours = [UserRatios(clicks[of & (seen > 0)], seen[of & (seen > 0)]) for of in (arm, ~arm)]
            results = difference(*ours, LEVEL)
            alarmed |= not results.low <= 0.0 <= results.high
        alarms += alarmed
    assert alarms <= LEVEL * WORLDS


def test_a_difference_is_detected_and_stays_detected() -> None:
    results = covered = 0
    for world in range(40):
        metric = experiment_results(people(np.random.default_rng(world), 3_000, lift=0.06)).between[0]
        interval = metric.differences["bold"]
        results += interval.low > 0.0
        covered += interval.low <= 0.06 <= interval.high + 0.005
    assert results >= 36
    assert covered >= 38


def test_an_interval_for_one_look_covers_the_truth_about_as_often_as_it_says() -> None:
    covered = 0
    for world in range(400):
        rng = np.random.default_rng(world)
        keen, seen = rng.beta(0.4, 3.0, 200), 1.0 + rng.poisson(3.0, 200)
        interval = one_look(UserRatios(rng.binomial(seen.astype(int), keen).astype(float), seen))
        covered += interval.low <= 0.4 / 3.4 <= interval.high
    assert 0.92 <= covered / 400 <= 0.98


def test_equal_paired_weights_are_hardly_ever_reported_as_different() -> None:
    """Every user has a leaning of their own, which is nothing on the whole."""
    alarms = 0
    for world in range(WORLDS):
        rng = np.random.default_rng(world)
        leaning, counts, tops, alarmed = rng.normal(0.0, 0.2, 400), np.zeros(400), np.zeros(400), False
        for _ in range(15):
            who = np.unique(rng.integers(0, 400, 60))
            counts[who] += 1.0
            tops[who] += np.clip(leaning[who] + rng.normal(0.0, 0.3, len(who)), -1.0, 1.0)
            results = paired(UserRatios(tops[counts > 0], counts[counts > 0]), LEVEL)
            alarmed |= not results.low <= 0.0 <= results.high
        alarms += alarmed
    assert alarms <= LEVEL * WORLDS


def test_one_busy_user_is_no_evidence() -> None:
    crowd = {UserId(f"u{n}"): UserLog("bold" if n % 2 else "control", seen=2, clicks=n % 4 // 2) for n in range(40)}
    crowd[UserId("u1")] = UserLog("bold", seen=5_000, clicks=5_000)
    results = (
        experiment_results(ExperimentLog(experiment="spring", people=crowd, organic_ranks=[]))
        .between[0]
        .differences["bold"]
    )
    assert results.value > 0.3
    assert results.low < 0.0


def test_too_little_data_gives_unbounded_intervals() -> None:
    alone = {UserId("a"): UserLog("bold", seen=1, clicks=1), UserId("b"): UserLog("control", seen=1)}
    assert (
        experiment_results(ExperimentLog(experiment="s", people=alone, organic_ranks=[]))
        .between[0]
        .differences["bold"]
        .low
        == -np.inf
    )
    nobody_clicks = {UserId(f"u{n}"): UserLog("bold" if n % 2 else "control", seen=1) for n in range(50)}
    results = (
        experiment_results(ExperimentLog(experiment="s", people=nobody_clicks, organic_ranks=[]))
        .between[0]
        .differences["bold"]
    )
    assert (results.value, results.low, results.high) == (0.0, -np.inf, np.inf)


def test_arms_that_lose_users_raise_an_alarm_and_others_hardly_ever() -> None:
    alarms = noticed = 0
    for world in range(WORLDS):
        rng = np.random.default_rng(world)
        bold = rng.random(5_000) < 0.3
        lost = bold & (rng.random(5_000) < 0.2)
        shares = {"control": 0.7, "bold": 0.3, "shadow": 0.0}
        for look in range(250, 5_001, 250):
            part = bold[:look]
            alarms += sample_ratio_mismatch({"bold": int(part.sum()), "control": int((~part).sum())}, shares).p < 0.01
        left = bold[~lost]
        noticed += sample_ratio_mismatch({"bold": int(left.sum()), "control": int((~left).sum())}, shares).is_alarming
    assert alarms <= 0.01 * WORLDS
    assert noticed >= 0.95 * WORLDS
