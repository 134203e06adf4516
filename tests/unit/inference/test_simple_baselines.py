"""The baselines are what their names say, and nothing is counted before it happened."""

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
SIMPLE_BASELINES = (Popularity, DecayedPopularity, ItemKnn, KnnWithDecayedPopularity)


def taught(floor: SimpleBaseline, choices: str, *, apart: float = 0.0) -> SimpleBaseline:
    """`choices` such as "1a 1b 2a": user and item."""
    for step, (user, item) in enumerate(choices.split()):
        floor.learn(UserId(user), ItemId(item), 1e9 + step * apart)
    return floor


@pytest.mark.parametrize("make", SIMPLE_BASELINES)
def test_before_the_first_event_the_list_is_empty(make: type[SimpleBaseline]) -> None:
    assert make().top((), 1e9, 10, ()) == []


@pytest.mark.parametrize("make", SIMPLE_BASELINES)
def test_excluded_items_are_not_in_the_list(make: type[SimpleBaseline]) -> None:
    floor = taught(make(), "1a 1b 2a 2b 2c 3c")
    assert ItemId("a") not in floor.top((ItemId("b"),), 1e9, 10, {ItemId("a")})


def test_popularity_counts() -> None:
    assert taught(Popularity(), "1a 2a 3b").top((), 1e9, 2, ()) == ["a", "b"]


def test_decayed_popularity_prefers_what_is_new() -> None:
    floor = taught(DecayedPopularity(), "1a 2a 3a 4b", apart=3 * DAY)
    assert floor.top((), 2e9, 2, ()) == ["b", "a"]


def test_decayed_popularity_survives_long_pauses() -> None:
    floor = taught(DecayedPopularity(), "1a 2b 3c", apart=3_000 * DAY)
    assert floor.top((), 2e9, 1, ()) == ["c"]


def test_neighbours_are_items_that_the_same_users_chose() -> None:
    floor = taught(ItemKnn(), "1a 1b 2a 2b 3c 3d 4c 4d 5c 5d")
    assert floor.top((ItemId("a"),), 1e9, 1, {ItemId("a")}) == ["b"]


def test_a_user_without_history_gets_popularity_from_the_mixture() -> None:
    assert taught(KnnWithDecayedPopularity(), "1a 2a 3b").top((), 1e9, 1, ()) == ["a"]


def test_metrics_are_paired() -> None:
    paired = Paired(("recommender", "baseline"))
    paired.add({"recommender": 1, "baseline": None})
    paired.add({"recommender": 11, "baseline": 3})
    assert paired.measures() == {
        "recommender": RankingMetrics(2, 0.5, 0.5, 0.5),
        "baseline": RankingMetrics(2, 0.5, 0.25, 1 / 6),
    }
    with pytest.raises(KeyError):
        paired.add({"recommender": 1})
