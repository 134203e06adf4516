"""From events to results, in memory: an arm equal to control shows no difference, a bad one does, and all learn."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np

from features.memory_state import MemoryStateStore
from inference.evaluation.experiments.arm_log import experiment_log
from inference.evaluation.experiments.arm_results import ExperimentResults, experiment_results
from inference.evaluation.off_policy.ranking_logs import read_lines
from inference.experiment import CONTROL, Arm, Experiment
from inference.local_ranker import LocalRanker
from inference.recommender import Recommender
from inference.signals.registry import make_item_table
from schemas.topics import RANKING_LOG
from streams.handlers.deps import Deps, Options
from streams.worker.in_memory_runner import InMemoryRunner
from tests.builders import START, click, impression, newest_list, send_event, small_catalogue
from tests.unit.streams.test_experiments import FEATURES, weights

PEOPLE, VISITS = [f"u{number}" for number in range(60)], 6
KINDS = ("war", "comedy", "drama")


@cache
def outcome_of(variant: str) -> ExperimentResults:
    """Return results of users who like one genre and click on its films at the top; half of them are in an arm."""
    arms = [Arm(name="tried", share=0.5, variant=variant), Arm(name="shadow", variant="contrary")]
    experiment = Experiment("spring", Arm(name=CONTROL), arms)
    ranker = LocalRanker(weights("contrary", "wild"))
    table = make_item_table()
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
        items = tuple(entry.item_id for entry in home.items)
        send_event(runner, impression(user, items, home.list_id, at=at))
        liked = [item for item in items[:5] if item.startswith(kind) and rng.random() < 0.6]
        for item in liked[:2]:
            send_event(runner, click(user, item, at=at + 5.0, list_id=home.list_id))
    send_event(runner, click(user, f"{kind}-{rng.integers(12)}", at=at + 60.0))


def test_an_arm_equal_to_control_shows_no_difference() -> None:
    results = outcome_of("")
    control, tried = (arm for arm in results.arms if arm.people)
    assert control.people + tried.people == len(PEOPLE)
    assert min(control.seen, tried.seen) > 50
    for metric in results.between:
        assert metric.differences["tried"].low < 0.0 < metric.differences["tried"].high
    assert results.paired[0].differences["tried"].value == 0.0
    assert results.sample_ratio is not None
    assert not results.sample_ratio.is_alarming


def test_an_arm_that_ranks_upside_down_is_worse_between_users_and_on_the_same_choices() -> None:
    results = outcome_of("contrary")
    clicks = next(metric for metric in results.between if metric.name == "clicks per list seen")
    assert clicks.differences["tried"].high < 0.0
    gain = results.paired[0]
    assert gain.differences["tried"].high < 0.0
    assert gain.differences["shadow"].high < 0.0
    assert results.organic_choices > 100
