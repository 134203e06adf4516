"""What an experiment changes for users, what it publishes about itself, and what it must not change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from features.memory_state import MemoryStateStore
from inference.experiment import CONTROL, Arm, Experiment
from inference.exploration import Exploration
from inference.learning.weights_file import Weights, initial_weights
from inference.local_ranker import LocalRanker
from inference.ports import Scores, Split
from inference.ranking.features import FeatureTable
from inference.recommender import AS_CHAMPION, Recommender
from inference.signals.registry import make_item_table
from schemas.codec import decode, encode
from schemas.ids import UserId
from schemas.ranking_log import Choice, Ranked
from schemas.recommendations import Recommendation
from schemas.topics import RANKING_LOG, RECOMMENDATIONS
from streams.handlers.deps import Deps, Options
from streams.worker.in_memory_runner import InMemoryRunner
from tests.builders import START, click, send_event, small_catalogue

FEATURES = FeatureTable()
PEOPLE = [f"u{number}" for number in range(8)]
SHADOW = Arm(name="shadow", variant="wild")
HALF = Arm(name="upside-down", share=0.5, variant="contrary")


def weights(*variants: str) -> Weights:
    """Return the champion's initial weights with `contrary` ones, which rank the opposite way, and `wild` ones."""
    start = initial_weights(FEATURES.columns)
    rng = np.random.default_rng(1)
    wild = {name: rng.standard_normal(part.shape).astype(np.float32) for name, part in start.arrays.items()}
    others = {"contrary": start.arrays | {"linear": -start.arrays["linear"]}, "wild": wild}
    return replace(start, others={name: others[name] for name in variants})


class Counting(LocalRanker):
    """A ranker that records its calls."""

    def __init__(self, weights: Weights) -> None:
        super().__init__(weights)
        self.splits: list[Split | None] = []

    def score(self, features: Any, mask: Any, split: Split | None = None) -> Scores:
        self.splits.append(split)
        return super().score(features, mask, split)


def with_choices(*arms: Arm, served: Weights | None = None, ranker: LocalRanker | None = None) -> InMemoryRunner:
    """Return a runner after some choices of each user; with arms, an experiment runs."""
    experiment = Experiment("spring", Arm(name=CONTROL), arms) if arms else None
    table = make_item_table()
    arm_ranker = ranker or LocalRanker(served or weights("contrary", "wild"))
    deps = Deps(
        table=table,
        recommender=Recommender(table, arm_ranker, features=FEATURES, experiment=experiment),
        clock=lambda: START + 1e6,
        options=Options(person_partitions=4, item_partitions=4),
    )
    runner = InMemoryRunner(deps, MemoryStateStore())
    small_catalogue(runner)
    for step in range(4):
        for number, user in enumerate(PEOPLE):
            kind = ("war", "comedy", "drama")[number % 3]
            send_event(
                runner, replace(click(user, f"{kind}-{step + number % 2}", at=step * 90.0), event_id=f"{user}{step}")
            )
    return runner


def read(runner: InMemoryRunner, topic: str) -> list[Any]:
    return [decode(topic, record.value, now=START + 1e6) for record in runner.log.records(topic)]


def lists(runner: InMemoryRunner) -> list[Recommendation]:
    return read(runner, RECOMMENDATIONS)


def logged(runner: InMemoryRunner, kind: type) -> list[Any]:
    return [entry for entry in read(runner, RANKING_LOG) if isinstance(entry, kind)]


def raw(runner: InMemoryRunner, *topics: str) -> list[bytes | None]:
    return [record.value for topic in topics for record in runner.log.records(topic)]


def unmarked(records: Iterable[Any]) -> list[bytes]:
    """Return encoded records without the fields of an experiment."""
    defaults = {"experiment": None, "arm": None, "ranks": {}}
    return [encode(replace(record, **{k: v for k, v in defaults.items() if hasattr(record, k)})) for record in records]


def test_without_an_experiment_no_message_names_one() -> None:
    runner = with_choices()
    assert not any(
        word in (value or b"")
        for value in raw(runner, RECOMMENDATIONS, RANKING_LOG)
        for word in (b'"arm"', b"experiment", b"places")
    )
    ranker = Counting(weights())
    with_choices(ranker=ranker)
    assert set(ranker.splits) == {None}


def test_each_list_names_its_users_arm_and_so_does_the_log() -> None:
    runner, experiment = with_choices(HALF), Experiment("spring", Arm(name=CONTROL), [HALF])
    published = lists(runner)
    arms = {user: arm.name for user in PEOPLE if (arm := experiment.arm_of(UserId(user)))}
    assert set(arms.values()) == {CONTROL, "upside-down"}
    assert {(each.user_id, each.experiment, each.arm) for each in published} == {(u, "spring", arms[u]) for u in PEOPLE}
    for kind in (Ranked, Choice):
        assert {(e.user_id, e.experiment, e.arm) for e in logged(runner, kind)} == {
            (u, "spring", arms[u]) for u in PEOPLE
        }


def test_users_of_an_arm_alone_get_the_lists_of_its_weights() -> None:
    plain, mixed = with_choices(), with_choices(HALF)
    flipped = with_choices(ranker=LocalRanker(replace(weights(), arrays=weights("contrary").others["contrary"])))
    as_usual, contrary = ({m.home.list_id: m.home.items for m in lists(runner)} for runner in (plain, flipped))
    for published in lists(mixed):
        own = contrary if published.arm == "upside-down" else as_usual
        # A gathered row may be summed in another order than a whole batch: the last digit may differ.
        assert [item.item_id for item in published.home.items] == [item.item_id for item in own[published.home.list_id]]
    assert as_usual != contrary


def test_shadow_arms_never_change_a_published_list() -> None:
    without, with_shadow = with_choices(), with_choices(SHADOW)
    assert unmarked(lists(with_shadow)) == [encode(each) for each in lists(without)]
    assert unmarked(read(with_shadow, RANKING_LOG)) == [encode(each) for each in read(without, RANKING_LOG)]
    alone, shadowed = with_choices(HALF), with_choices(HALF, SHADOW)
    assert raw(alone, RECOMMENDATIONS) == raw(shadowed, RECOMMENDATIONS)


def test_every_arm_and_shadow_logs_its_rank_of_the_chosen_item() -> None:
    choices = [entry for entry in logged(with_choices(HALF, SHADOW), Choice) if entry.chosen is not None]
    assert choices
    assert {tuple(sorted(entry.ranks)) for entry in choices} == {("control", "shadow", "upside-down")}
    for entry in choices:
        own = entry.ranks[entry.arm]
        assert entry.rank == (own if own <= 10 else None)


def test_a_batch_is_still_one_call_of_the_ranker() -> None:
    without, with_arms = Counting(weights()), Counting(weights("contrary", "wild"))
    with_choices(ranker=without)
    with_choices(HALF, SHADOW, ranker=with_arms)
    assert len(with_arms.splits) == len(without.splits)


def test_an_arm_without_weights_is_served_by_the_champion_and_says_so() -> None:
    runner, plain = with_choices(HALF, served=weights("wild")), with_choices()
    for published, usual in zip(lists(runner), lists(plain), strict=True):
        assert published.degradations == ((AS_CHAMPION,) if published.arm == "upside-down" else ())
        assert [item.item_id for item in published.home.items] == [item.item_id for item in usual.home.items]
    assert {entry.arm for entry in logged(runner, Ranked) if entry.as_champion} == {"upside-down"}
    assert {tuple(entry.ranks) for entry in logged(runner, Choice) if entry.ranks} == {("control",)}


def test_an_arm_may_explore_while_control_does_not() -> None:
    bold = Arm(name="bold", share=0.5, exploration=Exploration(rate=1.0, top=8))
    ranker = Counting(weights())
    published = lists(with_choices(bold, ranker=ranker))
    assert {(each.arm, each.home.seed is not None) for each in published} == {("bold", True), (CONTROL, False)}
    assert set(ranker.splits) == {None}, "no arm has weights of its own"


def test_the_same_log_gives_the_same_arms_and_lists() -> None:
    assert raw(with_choices(HALF, SHADOW), RECOMMENDATIONS, RANKING_LOG) == raw(
        with_choices(HALF, SHADOW), RECOMMENDATIONS, RANKING_LOG
    )


@pytest.mark.parametrize("arms", [(), (HALF,)])
def test_a_click_on_a_shown_list_names_it_only_while_an_experiment_runs(arms: tuple[Arm, ...]) -> None:
    runner = with_choices(*arms)
    send_event(runner, click("u1", "war-3", at=900.0, list_id="l1"))
    assert logged(runner, Choice)[-1].list_id == ("l1" if arms else None)
