"""What strangers are shown first is what enough people chose."""

from __future__ import annotations

import numpy as np

from features.half_lives import POPULARITY_SECONDS, SUPPORT_ORDER
from inference.ports import Scores, Split
from inference.query import Query
from inference.ranking_context import make_ranking_context
from inference.signals.columns import Pool
from inference.support import (
    LEADING_ITEMS,
    MOST_CHOSEN,
    SUPPORT_SHARE,
    is_stranger,
    strangers_supported_first,
    supported,
    supported_first,
)
from schemas.ids import ItemId
from tests.builders import memory
from tests.unit.inference.ranking_fixtures import World, query_of

CROWD = 60


def crowd_and_two() -> World:
    """Sixty people choose each of ten items; two begin with i99, which nobody knew."""
    world = World()
    for person in range(CROWD):
        for number in range(LEADING_ITEMS):
            world.choose(f"u{person}", number, after=1.0)
    world.choose("fake-0", 99)
    world.choose("fake-1", 99)
    return world


def numbers(world: World) -> np.ndarray:
    return np.arange(len(world.table))


def test_an_item_of_two_people_has_no_support_beside_items_of_sixty() -> None:
    world = crowd_and_two()
    enough = supported(numbers(world), world.table, world.now)
    assert enough.tolist() == [True] * LEADING_ITEMS + [False]


def test_it_gains_support_as_people_choose_it() -> None:
    world = crowd_and_two()
    for person in range(round(SUPPORT_SHARE * CROWD)):
        world.choose(f"u{person}", 99)
    assert supported(numbers(world), world.table, world.now).all()


def test_where_choices_are_spread_over_many_items_the_most_chosen_need_no_share_of_the_leading_ones() -> None:
    world = crowd_and_two()
    for person in range(5):
        world.choose(f"u{person}", 500)
    assert not supported(numbers(world), world.table, world.now)[world.table.number[ItemId("i500")]]
    for number in range(100, 100 + MOST_CHOSEN):
        world.choose(f"u{number % CROWD}", number, after=0.0)
        world.choose(f"u{(number + 7) % CROWD}", number, after=0.0)
    enough = dict(zip(world.table.ids, supported(numbers(world), world.table, world.now).tolist(), strict=True))
    assert enough[ItemId("i500")]
    assert not enough[ItemId("i99")], "two new accounts weigh less than two that are known"


def test_it_loses_support_as_their_choices_fade() -> None:
    world = World()
    for person in range(4):
        world.choose(f"u{person}", 1, after=1.0)
    assert supported(numbers(world), world.table, world.now).all()
    later = world.now + 3 * POPULARITY_SECONDS[SUPPORT_ORDER]
    assert not supported(numbers(world), world.table, later).any()


def test_scores_of_unsupported_items_fall_below_all_others_in_their_order() -> None:
    world = crowd_and_two()
    values = np.linspace(0.0, 5.0, len(world.table)).astype(np.float32)
    ranked = supported_first(values, numbers(world), world.table, world.now)
    assert ranked[:LEADING_ITEMS].tolist() == values[:LEADING_ITEMS].tolist()
    assert ranked[LEADING_ITEMS] < values.min()


def test_where_nothing_has_support_the_order_stays() -> None:
    world = World()
    world.choose("u0", 1)
    values = np.array([1.0], np.float32)
    later = world.now + 10 * POPULARITY_SECONDS[SUPPORT_ORDER]
    assert supported_first(values, numbers(world), world.table, later) is values


def test_strangers_are_shown_the_unknown_item_last_and_others_as_ranked() -> None:
    world = crowd_and_two()
    [stranger, known] = world.recommender().rank(
        [Query(user=world.state("nobody"), now=world.now), Query(user=world.state("fake-1"), now=world.now)]
    )
    assert ItemId("i99") not in [placed.item_id for placed in stranger.slate[:LEADING_ITEMS]]
    assert len(known.slate) == LEADING_ITEMS


def test_who_has_stated_what_they_like_is_no_stranger() -> None:
    world = crowd_and_two()
    liked = memory("nobody", "i99", "likes", "item", strength=50.0, recorded_from=world.now)
    stated = make_ranking_context(query_of(world, "nobody", memories=(liked,)), world.table, repeats=True)
    stranger = make_ranking_context(query_of(world, "nobody"), world.table, repeats=True)
    assert (is_stranger(stranger), is_stranger(stated)) == (True, False)


def test_variants_rank_what_strangers_choose_by_the_same_rule() -> None:
    world = crowd_and_two()
    context = make_ranking_context(query_of(world, "nobody"), world.table, repeats=True)
    items = numbers(world)
    pool = Pool(
        items=items[None], mask=np.ones((1, len(items)), np.bool_), votes=np.zeros((0, 1, len(items)), np.float32)
    )
    split = Split(variants=("a", "b"), own=np.zeros(1, np.int32), prequential_queries=np.zeros(1, np.int32))
    values = np.linspace(0.0, 5.0, len(items)).astype(np.float32)
    scores = Scores(values[None], 1, prequential_queries=np.stack([values[None], -values[None]]))
    ranked = strangers_supported_first(scores, [context], pool, world.table, split)
    assert ranked.prequential_queries is not None
    unknown = world.table.number[ItemId("i99")]
    for own in (ranked.values[0], *ranked.prequential_queries[:, 0]):
        assert own[unknown] == own.min()
    assert scores.values[0, unknown] == values[unknown], "the given scores stay as they are"
