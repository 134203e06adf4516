"""What users in the same situation choose, as the ranker sees it."""

from __future__ import annotations

from math import exp2, log2

import numpy as np
import pytest
from msgspec.structs import replace

from features.half_lives import SEGMENT_SECONDS
from features.user_segment import SEGMENTS, user_segment
from inference.learning.weights_file import Weights, initial_weights
from inference.local_ranker import LocalRanker
from inference.query import Query
from inference.ranking.features import FeatureTable
from inference.ranking.pool import gather
from inference.ranking_context import make_ranking_context
from inference.recommender import Recommender
from inference.signals import segments
from inference.signals.registry import SOURCES, make_item_table
from schemas.ids import ItemId
from tests.unit.inference.ranking_fixtures import FEATURES, World

HOUR = 3_600.0
FIRST = FEATURES.columns.index("company_1d")
NAMES = ("company_1d", "company_10d", "company_popular_1d", "company_popular_10d")


def small_world() -> World:
    """New users choose i0, returning ones i1, and i2 and i3 within a session."""
    world = World()
    for number in range(9):
        world.choose(f"u{number}", 0, after=5 * HOUR)
        world.choose(f"u{number}", 2)
        world.choose(f"u{number}", 3 + number % 2)
        world.choose(f"u{number}", 1, after=HOUR)
    return world


def columns(world: World, queries: list[Query]) -> tuple[np.ndarray, np.ndarray]:
    """Item numbers `[users, candidates]` and the four columns `[users, candidates, 4]`; everything is a candidate."""
    contexts = [make_ranking_context(query, world.table, repeats=True) for query in queries]
    pool = gather(contexts, world.table, SOURCES, 50)
    assert pool.mask.all()
    return pool.items, FEATURES.fill(contexts, world.table, pool)[..., FIRST : FIRST + 4]


def direct(world: World, query: Query, item: ItemId) -> list[float]:
    """The definition, item by item and in plain numbers."""

    def count(name: str, half: int, each: ItemId) -> float:
        row = world.rows[each]
        return row.segments.get(name, (0.0, 0.0))[half] * exp2((row.at - query.now) / SEGMENT_SECONDS[half])  # type: ignore[call-overload, no-any-return]

    own, lifts, levels = user_segment(query.user, query.now), [], []
    for half in range(len(SEGMENT_SECONDS)):
        totals = {name: sum(count(name, half, each) for each in world.rows) for name in SEGMENTS}
        usual = (totals[own] + 1.0) / (sum(totals.values()) + 3.0)
        everyone = sum(count(name, half, item) for name in SEGMENTS)
        lift = log2((count(own, half, item) + 5.0 * usual) / (everyone + 5.0)) - log2(usual)
        lifts.append(min(4.0, max(-4.0, lift)) / 2.0)
        best = max(log2(count(own, half, segment) + 0.05) for segment in world.rows)
        levels.append(max(-3.0, (log2(count(own, half, item) + 0.05) - best) / 4.0))
    return [*lifts, *levels]


def test_the_columns_are_those_of_the_definition() -> None:
    world = small_world()
    who = ("nobody", 60.0), ("u8", 60.0), ("u8", HOUR), ("u0", 30 * 24 * HOUR), ("nobody", 24 * HOUR)
    queries = [Query(user=world.state(name), now=world.now + after) for name, after in who]
    assert [user_segment(query.user, query.now) for query in queries] == ["new", "sitting", "return", "return", "new"]
    items, filled = columns(world, queries)
    for row, query in enumerate(queries):
        wanted = [direct(world, query, world.table.ids[number]) for number in items[row].tolist()]
        assert np.allclose(filled[row], wanted, atol=1e-5)


def test_each_segment_has_its_own_favourite() -> None:
    world = small_world()
    queries = [
        Query(user=world.state("nobody"), now=world.now + 60.0),
        Query(user=world.state("u8"), now=world.now + HOUR),
        Query(user=world.state("u8"), now=world.now + 60.0),
    ]
    items, filled = columns(world, queries)
    for column in range(len(NAMES)):
        best = items[np.arange(3), filled[..., column].argmax(axis=1)]
        assert [world.table.ids[number] for number in best] == ["i0", "i1", "i2"]


def test_unknown_users_are_ranked_by_what_new_users_choose() -> None:
    world = small_world()
    for number in range(9):
        world.choose(f"u{number}", 1, after=HOUR)
        world.choose(f"u{number}", 2)
    start = initial_weights(FEATURES.columns)
    linear = start.arrays["linear"].copy()
    linear[FIRST : FIRST + 4] = 2.0
    learned = replace(start, arrays={**start.arrays, "linear": linear})
    unknown = Query(user=world.state("nobody"), now=world.now + 60.0)

    def leads(weights: Weights) -> ItemId:
        recommender = Recommender(world.table, LocalRanker(weights), features=FEATURES)
        return recommender.rank([unknown])[0].slate[0].item_id

    assert leads(start) != "i0"
    assert leads(learned) == "i0"


def test_without_segment_counts_all_users_are_ranked_alike() -> None:
    world = small_world()
    bare = make_item_table()
    for row in world.rows.values():
        bare.put_statistics(replace(row, segments={}))
    world.table = bare
    _, filled = columns(world, [Query(user=world.state("nobody"), now=world.now)])
    assert not filled.any()


def test_a_query_from_long_before_the_newest_event_has_finite_features() -> None:
    world = small_world()
    _, filled = columns(world, [Query(user=world.state("nobody"), now=world.now - 5e8)])
    assert np.isfinite(filled).all()
    assert filled[..., 2:].max() == pytest.approx(0.0)


def test_the_columns_stand_side_by_side() -> None:
    assert FeatureTable().columns[FIRST : FIRST + 4] == NAMES


def test_first_choices_are_proposed_to_unknown_users_only() -> None:
    world = small_world()
    unknown = make_ranking_context(Query(user=world.state("nobody"), now=world.now), world.table, repeats=True)
    returning = make_ranking_context(Query(user=world.state("u1"), now=world.now), world.table, repeats=True)
    assert [world.table.ids[number] for number in segments.propose(unknown, world.table, 5)] == ["i0"]
    assert not len(segments.propose(returning, world.table, 5))
