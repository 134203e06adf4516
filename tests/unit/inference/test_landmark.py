"""Co-occurrence finds neighbours whatever its half-life is, and in whatever years the events are."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from features import statistics
from features.decay import DAY
from features.half_lives import HalfLife
from inference.items.neighbours import Neighbours
from inference.ranking_context import make_ranking_context
from inference.signals import co_occurrence
from inference.signals.landmark import FIRST_LANDMARK, MOST_HALVINGS, Landmark
from tests.unit.inference.ranking_fixtures import World, query_of

PEOPLE = 6


@pytest.fixture(params=[1.0, 30.0, 90.0], ids=lambda days: f"{days:g} days")
def half_life(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> HalfLife:
    changed = HalfLife(seconds=request.param * DAY)
    for module in (statistics, co_occurrence):
        monkeypatch.setattr(module, "COVISIT_HALF_LIFE", changed)
        monkeypatch.setattr(module, "TRANSITION_HALF_LIFE", changed)
    return changed


def choose_pairs(world: World) -> None:
    for person in range(PEOPLE):
        world.choose(f"u{world.now:.0f}-{person}", 1)
        world.choose(f"u{world.now - 60:.0f}-{person}", 2)


def scores_of_the_pair(world: World) -> tuple[float, float]:
    world.choose("asking", 1)
    context = make_ranking_context(query_of(world, "asking"), world.table, repeats=True)
    own, other = co_occurrence.scores(context, world.table), world.table.number["i2"]  # type: ignore[index]
    return float(own.covisit.at(np.array(other))), float(own.transition.at(np.array(other)))


@pytest.mark.parametrize("year", [1997, 2013, 2020, 2026, 2049])
def test_a_pair_scores_alike_in_every_year(half_life: HalfLife, year: int) -> None:
    scores = []
    for begin in (FIRST_LANDMARK, datetime(year, 6, 1, tzinfo=UTC).timestamp()):
        world = World()
        world.now = begin
        choose_pairs(world)
        scores.append(scores_of_the_pair(world))
    assert min(scores[0]) > 0.0
    assert scores[1] == pytest.approx(scores[0], rel=1e-4)


def test_pairs_of_earlier_decades_do_not_hide_those_of_today(half_life: HalfLife) -> None:
    world = World()
    world.now = datetime(1997, 6, 1, tzinfo=UTC).timestamp()
    choose_pairs(world)
    world.now = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
    choose_pairs(world)
    scores = scores_of_the_pair(world)
    assert min(scores) > 0.0
    assert np.isfinite(scores).all()


def test_a_landmark_moves_by_powers_of_two_and_keeps_what_weights_are_worth() -> None:
    landmark, at, weight = Landmark(HalfLife(seconds=DAY)), FIRST_LANDMARK, np.float32(0.7)
    for days in (0.0, 50.0, MOST_HALVINGS + 1.0):
        weight *= np.float32(landmark.follow(at + days * DAY))
    assert weight * landmark.decay(at) == pytest.approx(0.7)


def test_a_neighbour_behind_one_whose_weight_has_vanished_is_removed_too() -> None:
    neighbours, scratch = Neighbours(width=4, capacity=8), np.zeros(8, np.float32)
    neighbours.replace(0, np.array([1, 2], np.int32), np.array([1e-30, 1.0], np.float32))
    neighbours.rescale(2.0**-100)
    assert np.count_nonzero(neighbours.around(np.array([0]))[1]) == 1
    changed, weights = neighbours.changes(0, np.array([3], np.int32), np.array([1.0], np.float32), scratch)
    assert dict(zip(changed.tolist(), weights.tolist(), strict=True)) == {3: 1.0, 2: 0.0}
