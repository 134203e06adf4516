"""From events to results, in memory: an arm that is no other is not found to be one, a bad one is, and all learn."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np

from features.item_table import ItemTable
from features.memory_state import MemoryStateStore
from inference.evaluation.experiments.arm_log import experiment_log
from inference.evaluation.experiments.arm_results import ExperimentResults, experiment_results
from inference.evaluation.off_policy.ranking_logs import read_lines
from inference.experiment import CONTROL, Arm, Experiment
from inference.local_ranker import LocalRanker
from inference.recommender import Recommender
from schemas.topics import RANKING_LOG
from streams.handlers.deps import Deps, Options
from streams.worker.in_memory_runner import InMemoryRunner
from tests.builders import START, click, impression, newest_list, send_event, small_catalogue
from tests.unit.streams.test_experiments import FEATURES, weights

PEOPLE, VISITS = [f"u{number}" for number in range(60)], 6
KINDS = ("war", "comedy", "drama")


@cache
def outcome_of(variant: str) -> ExperimentResults:
    """People like one kind of films, and click on those of it that they see at the top; half of them are in an arm."""
    arms = [Arm(name="tried", share=0.5, variant=variant), Arm(name="shadow", variant="contrary")]
    experiment = Experiment("spring", Arm(name=CONTROL), arms)
    ranker = LocalRanker(weights("contrary", "wild"))
    table = ItemTable()
    deps = Deps(
        table=table,
        recommender=Recommender(table, ranker, features=FEATURES, experiment=experiment),
        clock=lambda: START + 1e6,
        options=Options(person_partitions=4, item_partitions=4),
    )
    runner, rng = InMemoryRunner(deps, MemoryStateStore()), np.random.default_rng(3)
    small_catalogue(runner, per_category=12)
    for visit in range(VISITS):
        for number, user in enumerate(PEOPLE):
            _visit(runner, user, KINDS[number % 3], 2_500.0 * visit, rng)
    values = [record.value or b"" for record in runner.log.records(RANKING_LOG)]
    entries = read_lines(values, now=START + 1e6, refused=Counter())
    return experiment_results(experiment_log(entries, "spring"), experiment=experiment)


def _visit(runner: InMemoryRunner, user: str, kind: str, at: float, rng: np.random.Generator) -> None:
    if at:
        home = newest_list(runner, user).home
        items = tuple(each.item_id for each in home.items)
        send_event(runner, impression(user, items, home.list_id, at=at))
        liked = [item for item in items[:5] if item.startswith(kind) and rng.random() < 0.6]
        for item in liked[:2]:
            send_event(runner, click(user, item, at=at + 5.0, list_id=home.list_id))
    send_event(runner, click(user, f"{kind}-{rng.integers(12)}", at=at + 60.0))


def test_an_arm_that_is_served_as_control_is_makes_no_difference() -> None:
    found = outcome_of("")
    control, tried = (arm for arm in found.arms if arm.people)
    assert control.people + tried.people == len(PEOPLE)
    assert min(control.seen, tried.seen) > 50
    for metric in found.between:
        assert metric.differences["tried"].low < 0.0 < metric.differences["tried"].high
    assert found.paired[0].differences["tried"].value == 0.0
    assert found.sample_ratio is not None
    assert not found.sample_ratio.is_alarming


def test_an_arm_that_ranks_upside_down_is_surely_worse_between_people_and_on_the_same_choices() -> None:
    found = outcome_of("contrary")
    clicks = next(metric for metric in found.between if metric.name == "clicks per list seen")
    assert clicks.differences["tried"].high < 0.0
    gain = found.paired[0]
    assert gain.differences["tried"].high < 0.0
    assert gain.differences["shadow"].high < 0.0
    assert found.taken > 100
