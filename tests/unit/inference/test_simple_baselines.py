"""The floors are what their names say, and nothing is counted before it happened."""

from __future__ import annotations

import pytest

from inference.evaluation.baselines.simple import (
    DecayedPopularity,
    ItemKnn,
    KnnWithDecayedPopularity,
    Popularity,
    SimpleBaseline,
)
from inference.evaluation.metrics.prequential import Paired, RankingMetrics
from schemas.ids import ItemId, UserId

DAY = 86_400.0
FLOORS = (Popularity, DecayedPopularity, ItemKnn, KnnWithDecayedPopularity)


def taught(floor: SimpleBaseline, choices: str, *, apart: float = 0.0) -> SimpleBaseline:
    """`choices` such as "1a 1b 2a": user and item."""
    for step, (user, item) in enumerate(choices.split()):
        floor.learn(UserId(user), ItemId(item), 1e9 + step * apart)
    return floor


@pytest.mark.parametrize("make", FLOORS)
def test_it_knows_nothing_before_the_first_event(make: type[SimpleBaseline]) -> None:
    assert make().top((), 1e9, 10, ()) == []


@pytest.mark.parametrize("make", FLOORS)
def test_excluded_items_are_not_in_the_list(make: type[SimpleBaseline]) -> None:
    floor = taught(make(), "1a 1b 2a 2b 2c 3c")
    assert ItemId("a") not in floor.top((ItemId("b"),), 1e9, 10, {ItemId("a")})


def test_popularity_counts() -> None:
    assert taught(Popularity(), "1a 2a 3b").top((), 1e9, 2, ()) == ["a", "b"]


def test_decayed_popularity_prefers_what_is_new() -> None:
    floor = taught(DecayedPopularity(), "1a 2a 3a 4b", apart=3 * DAY)
    assert floor.top((), 2e9, 2, ()) == ["b", "a"]


def test_decayed_popularity_bears_long_pauses() -> None:
    floor = taught(DecayedPopularity(), "1a 2b 3c", apart=3_000 * DAY)
    assert floor.top((), 2e9, 1, ()) == ["c"]


def test_neighbours_are_those_that_the_same_people_chose() -> None:
    floor = taught(ItemKnn(), "1a 1b 2a 2b 3c 3d 4c 4d 5c 5d")
    assert floor.top((ItemId("a"),), 1e9, 1, {ItemId("a")}) == ["b"]


def test_somebody_without_history_gets_popularity_from_the_mixture() -> None:
    assert taught(KnnWithDecayedPopularity(), "1a 2a 3b").top((), 1e9, 1, ()) == ["a"]


def test_measures_are_paired() -> None:
    paired = Paired(("ours", "floor"))
    paired.add({"ours": 1, "floor": None})
    paired.add({"ours": 11, "floor": 3})
    assert paired.measures() == {"ours": RankingMetrics(2, 0.5, 0.5, 0.5), "floor": RankingMetrics(2, 0.5, 0.25, 1 / 6)}
    with pytest.raises(KeyError):
        paired.add({"ours": 1})
