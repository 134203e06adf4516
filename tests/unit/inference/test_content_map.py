"""The content map: what is alike is predicted alike, from the newest factors alone, and only where it is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from features.item_factors import APPEAL, FACTOR_WIDTH, LEAN, TASTE
from inference.learning.weights_file import initial_weights
from inference.local_ranker import LocalRanker
from inference.ranking.features import FeatureTable
from inference.ranking_context import RankingContext, make_ranking_context
from inference.recommender import Recommender
from inference.signals.content_map import HARDLY_MET, ContentMap, predicted, propose
from inference.signals.factors import Factors
from inference.signals.perceptions import Perceptions
from inference.signals.registry import SOURCES, SOURCES_OF_CONTENT_MAP
from schemas.ids import ItemId
from schemas.item_perceptions import Embedding, ItemPerception
from schemas.items import Item
from tests.unit.inference.ranking_fixtures import World, item, query_of

KINDS = 3
KNOWN, NEW = 12, 6
"""Items that were chosen, and that nobody has met."""


def taught(*, silent: bool = False) -> World:
    """Return a world in which tea is chosen by those who chose tea, and factors say so; `NEW` items have none."""
    content = {"title": "", "categories": ()} if silent else {}
    world = World([item(number, available_from=0.0, **content) for number in range(KNOWN + NEW)])
    for number in range(KNOWN):
        world.choose("others", number)
    world.choose("ann", 0)
    learn(world, range(KNOWN), 1.0)
    return world


def learn(world: World, numbers: range, liked: float) -> None:
    """Load factors by which items of one kind draw those who chose that kind."""
    rows = np.zeros((len(numbers), FACTOR_WIDTH), np.float32)
    for row, number in enumerate(numbers):
        for part in (APPEAL, TASTE):
            rows[row, part][number % KINDS] = liked if part == APPEAL else 1.0
        rows[row, LEAN] = -0.5
    ids = [ItemId(f"i{number}") for number in numbers]
    world.table.signal(Factors).load(world.table, ids, rows)
    world.table.signal(ContentMap).changed(world.table, ids)


def asking(world: World) -> RankingContext:
    return make_ranking_context(query_of(world, "ann"), world.table, repeats=False)


def affinities(world: World) -> dict[int, float]:
    numbers = np.array([world.table.number[ItemId(f"i{n}")] for n in range(KNOWN, KNOWN + NEW)])
    return dict(enumerate(predicted(asking(world), world.table, numbers).tolist(), KNOWN))


def test_an_item_that_nobody_has_met_draws_those_who_like_its_kind() -> None:
    world = taught()
    own = affinities(world)
    tea = [number for number in own if number % KINDS == 0]
    assert min(own[number] for number in tea) > max(own[number] for number in own if number not in tea)
    proposed = [int(world.table.ids[number][1:]) for number in propose(asking(world), world.table, 4)]
    assert [number % KINDS for number in proposed] == [0] * 4


def test_blocked_items_are_not_proposed() -> None:
    world = taught()
    context = asking(world)
    context.blocked[:] = True
    assert propose(context, world.table, 5).tolist() == []


def test_the_map_depends_on_the_newest_table_and_factors_alone() -> None:
    world, fresh = taught(), taught()
    affinities(world)
    learn(world, range(KNOWN), -3.0)
    affinities(world)
    world.table.put_item(item(1, title="something else", available_from=0.0))
    affinities(world)
    world.table.put_item(item(1, available_from=0.0))
    learn(world, range(KNOWN), 1.0)
    assert affinities(world) == pytest.approx(affinities(fresh), abs=1e-6)


def test_what_is_predicted_gives_way_to_what_is_learned() -> None:
    world = taught()
    before = affinities(world)[KNOWN]
    for _ in range(HARDLY_MET + 1):
        world.choose("others", KNOWN)
    assert abs(affinities(world)[KNOWN]) < 0.6 * abs(before)
    assert world.table.number[ItemId(f"i{KNOWN}")] not in propose(asking(world), world.table, 50)


def test_items_without_content_are_predicted_nothing() -> None:
    assert set(affinities(taught(silent=True)).values()) == {0.0}


def test_a_picture_counts_as_words_do_and_the_order_of_records_does_not() -> None:
    world, later = taught(silent=True), taught(silent=True)
    affinities(later)
    for each in (world, later):
        for number in range(KNOWN + NEW):
            seen = np.zeros(16, "<f2")
            seen[number % KINDS] = 1.0
            picture = Embedding(encoder="e/1", vector=seen.tobytes())
            perception = ItemPerception(item_id=ItemId(f"i{number}"), content="", image=picture)
            each.table.signal(Perceptions).take(each.table, perception)
            each.table.signal(ContentMap).changed(each.table, (perception.item_id,))
    own = affinities(world)
    assert max(own, key=lambda number: own[number]) % KINDS == 0
    assert affinities(later) == pytest.approx(own, abs=1e-6)


def test_without_the_setting_there_is_neither_column_nor_source_and_nothing_is_kept() -> None:
    off, on = FeatureTable(), FeatureTable(content_map=True)
    assert off.sources == SOURCES
    assert on.sources == (*SOURCES, *SOURCES_OF_CONTENT_MAP)
    assert [name for name in on.columns if name not in off.columns] == ["from_mapped", "mapped_affinity"]
    world = taught()
    Recommender(world.table, LocalRanker(initial_weights(off.columns)), features=off).rank([query_of(world, "ann")])
    assert vars(world.table.signal(ContentMap))["_ridge"] is None


def test_the_ranker_reads_what_is_predicted() -> None:
    world, features = taught(), FeatureTable(content_map=True)
    recommender = Recommender(world.table, LocalRanker(initial_weights(features.columns)), features=features)
    [ranking] = recommender.rank([query_of(world, "ann")])
    column = dict(zip(ranking.items, ranking.features[:, features.columns.index("mapped_affinity")], strict=True))
    assert column[ItemId(f"i{KNOWN}")] > column[ItemId(f"i{KNOWN + 1}")]


def test_an_item_that_comes_after_the_map_was_solved_is_predicted() -> None:
    world = taught()
    affinities(world)
    world.table.put_item(Item(item_id=ItemId("late"), title="tea number 0", categories=("tea",), available_from=0.0))
    number = world.table.number[ItemId("late")]
    assert predicted(asking(world), world.table, np.array([number]))[0] > 0.0
    assert number in propose(asking(world), world.table, 50)
