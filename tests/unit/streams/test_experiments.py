"""What an experiment changes for people, what it tells of itself, and what it must not touch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from features.item_table import ItemTable
from features.memory_state import MemoryStateStore
from inference.experiment import CONTROL, Arm, Experiment
from inference.exploration import Exploration
from inference.learning.weights_file import Weights, initial_weights
from inference.local_ranker import LocalRanker
from inference.ports import Scores, Split
from inference.ranking.features import FeatureTable
from inference.recommender import AS_CHAMPION, Recommender
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
    """The champion's initial weights, and beside them `contrary` ones, which want the opposite, and `wild` ones."""
    start = initial_weights(FEATURES.columns)
    rng = np.random.default_rng(1)
    wild = {name: rng.standard_normal(part.shape).astype(np.float32) for name, part in start.arrays.items()}
    known = {"contrary": start.arrays | {"linear": -start.arrays["linear"]}, "wild": wild}
    return replace(start, others={name: known[name] for name in variants})


class Counting(LocalRanker):
    """Counts its calls."""

    def __init__(self, given: Weights) -> None:
        super().__init__(given)
        self.splits: list[Split | None] = []

    def score(self, features: Any, mask: Any, split: Split | None = None) -> Scores:
        self.splits.append(split)
        return super().score(features, mask, split)


def lived(*arms: Arm, known: Weights | None = None, ranker: LocalRanker | None = None) -> InMemoryRunner:
    """People choose a few things; with arms, an experiment runs."""
    experiment = Experiment("spring", Arm(name=CONTROL), arms) if arms else None
    table = ItemTable()
    given = ranker or LocalRanker(known or weights("contrary", "wild"))
    deps = Deps(
        table=table,
        recommender=Recommender(table, given, features=FEATURES, experiment=experiment),
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


def unmarked(found: Iterable[Any]) -> list[bytes]:
    """Records without what an experiment tells of itself."""
    marks = {"experiment": None, "arm": None, "places": {}}
    return [encode(replace(each, **{k: v for k, v in marks.items() if hasattr(each, k)})) for each in found]


def test_without_an_experiment_nothing_of_it_is_on_any_topic() -> None:
    runner = lived()
    assert not any(
        word in (value or b"")
        for value in raw(runner, RECOMMENDATIONS, RANKING_LOG)
        for word in (b'"arm"', b"experiment", b"places")
    )
    ranker = Counting(weights())
    lived(ranker=ranker)
    assert set(ranker.splits) == {None}


def test_each_list_says_its_persons_arm_and_the_log_says_the_same() -> None:
    runner, experiment = lived(HALF), Experiment("spring", Arm(name=CONTROL), [HALF])
    made = lists(runner)
    arms = {user: arm.name for user in PEOPLE if (arm := experiment.arm_of(UserId(user)))}
    assert set(arms.values()) == {CONTROL, "upside-down"}
    assert {(each.user_id, each.experiment, each.arm) for each in made} == {(u, "spring", arms[u]) for u in PEOPLE}
    for kind in (Ranked, Choice):
        assert {(e.user_id, e.experiment, e.arm) for e in logged(runner, kind)} == {
            (u, "spring", arms[u]) for u in PEOPLE
        }


def test_people_in_an_arm_get_the_lists_of_its_weights_and_nobody_else_does() -> None:
    plain, mixed = lived(), lived(HALF)
    flipped = lived(ranker=LocalRanker(replace(weights(), arrays=weights("contrary").others["contrary"])))
    as_usual, contrary = ({m.home.list_id: m.home.items for m in lists(runner)} for runner in (plain, flipped))
    for made in lists(mixed):
        own = contrary if made.arm == "upside-down" else as_usual
        # A gathered row may be summed in another order than a whole batch: the last digit may differ.
        assert [item.item_id for item in made.home.items] == [item.item_id for item in own[made.home.list_id]]
    assert as_usual != contrary


def test_shadows_change_no_list_by_a_bit() -> None:
    without, with_shadow = lived(), lived(SHADOW)
    assert unmarked(lists(with_shadow)) == [encode(each) for each in lists(without)]
    assert unmarked(read(with_shadow, RANKING_LOG)) == [encode(each) for each in read(without, RANKING_LOG)]
    one, other = lived(HALF), lived(HALF, SHADOW)
    assert raw(one, RECOMMENDATIONS) == raw(other, RECOMMENDATIONS)


def test_every_arm_and_shadow_says_where_it_would_have_put_what_was_taken() -> None:
    choices = [entry for entry in logged(lived(HALF, SHADOW), Choice) if entry.chosen is not None]
    assert choices
    assert {tuple(sorted(entry.places)) for entry in choices} == {("control", "shadow", "upside-down")}
    for entry in choices:
        own = entry.places[entry.arm]
        assert entry.rank == (own if own <= 10 else None)


def test_a_batch_is_still_one_call_of_the_ranker() -> None:
    without, with_arms = Counting(weights()), Counting(weights("contrary", "wild"))
    lived(ranker=without)
    lived(HALF, SHADOW, ranker=with_arms)
    assert len(with_arms.splits) == len(without.splits)


def test_an_arm_whose_weights_are_not_there_is_served_by_the_champion_and_says_so() -> None:
    runner, plain = lived(HALF, known=weights("wild")), lived()
    for made, usual in zip(lists(runner), lists(plain), strict=True):
        assert made.degradations == ((AS_CHAMPION,) if made.arm == "upside-down" else ())
        assert [item.item_id for item in made.home.items] == [item.item_id for item in usual.home.items]
    assert {entry.arm for entry in logged(runner, Ranked) if entry.as_champion} == {"upside-down"}
    assert {tuple(entry.places) for entry in logged(runner, Choice) if entry.places} == {("control",)}


def test_an_arm_may_explore_while_control_does_not() -> None:
    bold = Arm(name="bold", share=0.5, exploration=Exploration(rate=1.0, top=8))
    ranker = Counting(weights())
    made = lists(lived(bold, ranker=ranker))
    assert {(each.arm, each.home.seed is not None) for each in made} == {("bold", True), (CONTROL, False)}
    assert set(ranker.splits) == {None}, "nobody's weights are others"


def test_a_replayed_log_gives_the_same_arms_and_lists() -> None:
    assert raw(lived(HALF, SHADOW), RECOMMENDATIONS, RANKING_LOG) == raw(
        lived(HALF, SHADOW), RECOMMENDATIONS, RANKING_LOG
    )


@pytest.mark.parametrize("arms", [(), (HALF,)])
def test_a_click_on_a_shown_list_names_it_only_while_an_experiment_runs(arms: tuple[Arm, ...]) -> None:
    runner = lived(*arms)
    send_event(runner, click("u1", "war-3", at=900.0, list_id="l1"))
    assert logged(runner, Choice)[-1].list_id == ("l1" if arms else None)
