"""What a person is told of an item is so."""

from __future__ import annotations

from features.decay import DAY
from inference.candidates import embeddings, new_items, repeats
from inference.candidates.popularity import popular_lately
from inference.query import Query
from inference.ranking_context import RankingContext, make_ranking_context
from tests.unit.inference.ranking_fixtures import World, busy_world, item


def person(world: World, user: str, *, wall: float | None = None, allowed: bool = True) -> RankingContext:
    return make_ranking_context(Query(user=world.state(user), now=world.now, wall=wall), world.table, repeats=allowed)


def test_nothing_is_close_to_the_taste_of_somebody_never_seen() -> None:
    world = busy_world()
    for number in range(len(world.table)):
        assert "taste" not in embeddings.reason(person(world, "stranger"), world.table, number)
    assert embeddings.reason(person(world, "u1"), world.table, 0) == "close to your taste"


def test_one_choice_is_no_coming_back() -> None:
    world = World([item(number) for number in range(6)])
    world.choose("ann", 0)
    number = world.table.number["i0"]  # type: ignore[index]
    assert repeats.reason(person(world, "ann"), world.table, number) == "you chose this before"
    world.choose("ann", 0)
    assert repeats.reason(person(world, "ann"), world.table, number) == "you come back to this"


def test_what_was_popular_in_january_is_not_popular_in_the_last_hour() -> None:
    world = busy_world()
    number, told = world.table.number["i0"], popular_lately(0)  # type: ignore[index]
    last = float(world.table.last_at[number])
    assert told(person(world, "u1", wall=last + 60.0), world.table, number) == "popular in the last hour"
    assert told(person(world, "u1", wall=last + 2 * DAY), world.table, number) == "popular in the last 3 days"
    assert told(person(world, "u1", wall=last + 500 * DAY), world.table, number) == "popular for long"


def test_what_came_out_long_ago_is_not_new() -> None:
    world = World([item(1, available_from=1_000.0)])
    world.table.put_item(item(2, available_from=world.now - DAY))
    told = {n: new_items.reason(person(world, "ann"), world.table, world.table.number[f"i{n}"]) for n in (1, 2)}  # type: ignore[index]
    assert told == {1: "hardly anybody knows this yet", 2: "new"}
