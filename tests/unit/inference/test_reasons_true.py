"""The reason for an item is true."""

from __future__ import annotations

from features.decay import DAY
from features.half_lives import POPULARITY_SECONDS
from inference.query import Query
from inference.ranking_context import RankingContext, make_ranking_context
from inference.signals import factors, lifetime, repeats
from inference.signals.popularity import popular_lately, span
from tests.unit.inference.ranking_fixtures import World, busy_world, item


def context(world: World, user: str, *, wall: float | None = None, allowed: bool = True) -> RankingContext:
    return make_ranking_context(Query(user=world.state(user), now=world.now, wall=wall), world.table, repeats=allowed)


def test_an_unknown_user_is_not_said_to_have_a_taste() -> None:
    world = busy_world()
    for number in range(len(world.table)):
        assert "taste" not in factors.reason(context(world, "unknown"), world.table, number)
    assert factors.reason(context(world, "u1"), world.table, 0) == "close to your taste"


def test_one_choice_is_not_called_a_return() -> None:
    world = World([item(number) for number in range(6)])
    world.choose("ann", 0)
    number = world.table.number["i0"]  # type: ignore[index]
    assert repeats.reason(context(world, "ann"), world.table, number) == "you chose this before"
    world.choose("ann", 0)
    assert repeats.reason(context(world, "ann"), world.table, number) == "you come back to this"


def test_the_popularity_reason_names_a_time_in_which_the_item_was_chosen() -> None:
    world = busy_world()
    number, texts = world.table.number["i0"], popular_lately(0)  # type: ignore[index]
    last = float(world.table.last_at[number])
    assert texts(context(world, "u1", wall=last + 60.0), world.table, number) == "popular in the last hour"
    within = next(seconds for seconds in POPULARITY_SECONDS if seconds >= 2 * DAY)
    text = texts(context(world, "u1", wall=last + 2 * DAY), world.table, number)
    assert text == f"popular in the last {span(within)}"
    assert texts(context(world, "u1", wall=last + 500 * DAY), world.table, number) == "popular for long"


def test_an_old_release_is_not_called_new() -> None:
    world = World([item(1, available_from=1_000.0)])
    world.table.put_item(item(2, available_from=world.now - DAY))
    texts = {n: lifetime.reason(context(world, "ann"), world.table, world.table.number[f"i{n}"]) for n in (1, 2)}  # type: ignore[index]
    assert texts == {1: "hardly anybody knows this yet", 2: "new"}
