"""Scores that are not finite are never published: the list is ranked by popularity, and says so."""

from __future__ import annotations

from math import inf, isfinite, nan

import numpy as np
import pytest
from msgspec.structs import replace

from inference.finite_scores import SCORES_NOT_FINITE
from inference.learning.weights_file import initial_weights
from inference.local_ranker import LocalRanker
from inference.query import Query
from inference.recommender import Recommender
from inference.signals.popularity import ItemPopularity
from tests.unit.inference.ranking_fixtures import FEATURES, World, busy_world


def recommender(world: World, value: float) -> Recommender:
    """Ranks by weights of which every number is this one."""
    weights = initial_weights(FEATURES.columns)
    arrays = {name: np.full_like(part, value) for name, part in weights.arrays.items()}
    return Recommender(world.table, LocalRanker(replace(weights, arrays=arrays)), features=FEATURES)


@pytest.mark.parametrize("value", [nan, inf, -inf])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_list_with_scores_that_are_not_finite_is_ranked_by_popularity_and_says_so(value: float) -> None:
    world = busy_world()
    [ranking] = recommender(world, value).rank([Query(user=world.state("u1"), now=world.now)])
    assert ranking.degradations == (SCORES_NOT_FINITE,)
    assert ranking.slate
    assert all(isfinite(placed.score) for placed in ranking.slate)
    log_counts = world.table.signal(ItemPopularity).log_counts[3]
    popularity = [log_counts[world.table.number[placed.item_id]] for placed in ranking.slate]
    assert popularity == sorted(popularity, reverse=True)
    assert np.isfinite(ranking.features).all()


def test_finite_scores_cause_no_degradation() -> None:
    world = busy_world()
    [ranking] = world.recommender().rank([Query(user=world.state("u1"), now=world.now)])
    assert ranking.degradations == ()
