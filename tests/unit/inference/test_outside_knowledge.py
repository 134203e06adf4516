"""Ranking by external knowledge: exact as of the query's time, absent where it is off, and true in what it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from features.decay import DAY
from inference.items.table import ItemTable
from inference.ranking.features import FeatureTable
from inference.ranking.pool import gather
from inference.ranking_context import RankingContext, make_ranking_context
from inference.signals.outside_knowledge import (
    COLUMN_NAMES,
    OUTSIDE_SOURCE,
    OutsideKnowledge,
    places_of,
    propose,
    reason,
    similarity,
)
from inference.signals.registry import SOURCES
from schemas.interactions import Context
from schemas.signals import ExternalSignal, OutsideFact, SignalKey
from tests.unit.inference.ranking_fixtures import World, item, query_of

ITEMS = 12


def fact(attribute: str, value: Any, **valid: float) -> OutsideFact:
    return OutsideFact(attribute=attribute, value=value, **valid)


def say(table: ItemTable, subject: str, *facts: OutsideFact, **more: Any) -> None:
    about = {"scope": "item", "subject": subject, "source": "studio", "recorded_at": 0.0, "facts": facts}
    table.signal(OutsideKnowledge).take(table, ExternalSignal(**(about | more)))


@pytest.fixture
def world() -> World:
    """Ann chose items 0 and 1; item 0 has the maker of items 5 and 6."""
    world = World([item(number, available_from=0.0) for number in range(ITEMS)])
    world.choose("ann", 0)
    world.choose("ann", 1)
    for number in range(ITEMS):
        say(world.table, f"i{number}", fact("maker", "Ada" if number in (0, 5, 6) else f"m{number}"), fact("kind", "x"))
    return world


def asking(world: World, **more: Any) -> RankingContext:
    return make_ranking_context(query_of(world, "ann", **more), world.table, repeats=False)


def columns(world: World, context: RankingContext) -> dict[str, list[float]]:
    """Return the columns of external knowledge, by name: of each item by number."""
    features = FeatureTable(knowledge=True)
    pool = gather([context], world.table, features.sources, 150)
    filled = features.fill([context], world.table, pool)[0]
    names = list(features.columns)
    found = {name: np.zeros(ITEMS) for name in COLUMN_NAMES}
    for row, number in enumerate(pool.items[0].tolist()):
        for name, values in found.items():
            values[number] = filled[row, names.index(name)]
    return {name: values.round(3).tolist() for name, values in found.items()}


def test_without_the_setting_there_is_neither_column_nor_source() -> None:
    off, on = FeatureTable(), FeatureTable(knowledge=True)
    assert off.sources == SOURCES
    assert on.sources == (*SOURCES, OUTSIDE_SOURCE)
    assert [name for name in on.columns if name not in off.columns] == ["from_outside", *COLUMN_NAMES]


def test_items_that_share_a_rare_fact_are_proposed_and_nothing_blocked(world: World) -> None:
    context = asking(world)
    assert propose(context, world.table, 2).tolist() == [5, 6]
    context.blocked[5] = True
    assert propose(context, world.table, 1).tolist() == [6]


def test_a_user_without_items_and_a_table_without_facts_propose_nothing(world: World) -> None:
    nobody = make_ranking_context(query_of(world, "nobody"), world.table, repeats=False)
    assert propose(nobody, world.table, 5).tolist() == []
    bare = World([item(number, available_from=0.0) for number in range(ITEMS)])
    bare.choose("ann", 0)
    assert propose(asking(bare), bare.table, 5).tolist() == []
    assert not any(any(values) for values in columns(bare, asking(bare)).values())


def test_a_fact_that_everybody_has_says_less_than_a_rare_one(world: World) -> None:
    shared, _ = similarity(asking(world), world.table, np.array([5, 7]))
    assert shared[0] > 10 * shared[1] > 0.0


def test_a_stale_fact_is_not_shared_at_its_time_whatever_was_asked_before(world: World) -> None:
    end = world.now + 3 * DAY
    say(world.table, "i5", fact("maker", "Ada", valid_until=end))
    for after, found in ((0.0, [5, 6]), (4 * DAY, [6]), (1 * DAY, [5, 6])):
        proposed = propose(asking(world, after=after), world.table, 5)
        assert [number for number in proposed.tolist() if number in (5, 6)] == found
    assert similarity(asking(world, after=4 * DAY), world.table, np.array([5])).tolist() == [[0.0], [0.0]]


def test_a_source_that_takes_back_what_it_said_is_forgotten(world: World) -> None:
    knowledge = world.table.signal(OutsideKnowledge)
    knowledge.forget(world.table, SignalKey("item", "studio", "i5"))
    assert propose(asking(world), world.table, 5).tolist() == [6, *[n for n in range(2, ITEMS) if n not in (5, 6)]][:5]
    assert knowledge.said.beliefs("item", "i5", world.now).facts == ()


def test_the_days_since_release_are_signed_and_zero_where_it_is_unknown(world: World) -> None:
    say(world.table, "i5", fact("released", world.now - 10 * DAY))
    say(world.table, "i6", fact("released", world.now + 10 * DAY))
    shown = columns(world, asking(world))
    assert [shown["release_known"][number] for number in (4, 5, 6)] == [0.0, 1.0, 1.0]
    assert shown["since_release"][5] == -shown["since_release"][6] > 0.0 == shown["since_release"][4]


@pytest.fixture
def nameless() -> World:
    """Ann chose item 0, and no item has a fact that is a name."""
    world = World([item(number, available_from=0.0) for number in range(ITEMS)])
    world.choose("ann", 0)
    return world


def test_items_with_nothing_but_numbers_are_ranked_by_them(nameless: World) -> None:
    say(nameless.table, "i5", fact("released", nameless.now - 10 * DAY), fact("trend", 0.5))
    shown = columns(nameless, asking(nameless))
    assert (shown["release_known"][5], shown["release_known"][4]) == (1.0, 0.0)
    assert shown["since_release"][5] == round(np.log1p(10.0) / 3.0, 3)
    assert (shown["trend"][5], shown["trend"][4]) == (0.5, 0.0)


def test_a_number_that_is_withdrawn_stays_so_when_items_get_names(nameless: World) -> None:
    knowledge = nameless.table.signal(OutsideKnowledge)
    say(nameless.table, "i5", fact("released", nameless.now - 10 * DAY), fact("trend", 0.5))
    knowledge.forget(nameless.table, SignalKey("item", "studio", "i5"))
    assert not knowledge.has_trends
    say(nameless.table, "i6", fact("maker", "Ada"), fact("trend", 0.25))
    shown = columns(nameless, asking(nameless))
    assert not any(shown["release_known"])
    assert (shown["trend"][5], shown["trend"][6]) == (0.0, 0.25)


def test_trends_are_of_the_item_or_of_its_categories_while_they_last(world: World) -> None:
    valid = {"valid_from": world.now - DAY, "valid_until": world.now + DAY}
    say(world.table, "Tea", fact("trend", 0.5, **valid), scope="category")
    say(world.table, "i4", fact("trend", -0.25, **valid))
    shown = columns(world, asking(world))["trend"]
    assert (shown[3], shown[4], shown[5]) == (0.5, -0.25, 0.0)
    assert not any(columns(world, asking(world, after=2 * DAY))["trend"])


def test_a_holiday_is_near_where_the_user_is(world: World) -> None:
    day = {"valid_from": world.now + 2 * DAY, "valid_until": world.now + 3 * DAY}
    say(world.table, "DE", fact("holiday", "Tag der Deutschen Einheit", **day), scope="place")
    near = {
        where: columns(world, asking(world, **more))["holiday_near"][5]
        for where, more in {
            "nowhere": {},
            "in Bavaria": {"context": Context(place="DE-BY")},
            "by locale": {"locale": "de-DE"},
            "on the day": {"locale": "de-DE", "after": 2.5 * DAY},
            "after it": {"locale": "de-DE", "after": 4 * DAY},
        }.items()
    }
    assert near == {"nowhere": 0.0, "in Bavaria": 0.5, "by locale": 0.5, "on the day": 1.0, "after it": 0.0}


def test_a_holiday_is_near_at_its_places_or_at_a_time_and_a_category_is_no_place(nameless: World) -> None:
    day = {"valid_from": nameless.now + 2 * DAY, "valid_until": nameless.now + 3 * DAY}
    say(nameless.table, "de", fact("holiday", "Tag des Tees", **day), scope="category")
    knowledge = nameless.table.signal(OutsideKnowledge)
    assert not knowledge.has_holidays
    say(nameless.table, "DE", fact("holiday", "Tag der Deutschen Einheit", **day), scope="place")
    asked = [knowledge.holiday_near(subjects, nameless.now) for subjects in ((), ("fr",), ("fr", "de"))]
    assert asked == [0.0, 0.0, 0.5]
    knowledge.forget(nameless.table, SignalKey("place", "studio", "de"))
    say(nameless.table, "new year", fact("holiday", "New Year", **day), scope="time")
    assert knowledge.holiday_near((), nameless.now) == 0.5
    knowledge.forget(nameless.table, SignalKey("time", "studio", "New Year"))
    assert not knowledge.has_holidays


@pytest.mark.parametrize(
    ("locale", "places"),
    [
        ("de", ()),
        ("de-AT", ("at",)),
        ("de_AT", ("at",)),
        ("zh-Hant-TW", ("tw",)),
        ("zh-cmn-Hans-CN", ("cn",)),
        ("sr-Latn", ()),
        ("es-419", ("419",)),
        ("sl-IT-nedis", ("it",)),
        ("en-u-ca-gregory", ()),
        ("de-DE-u-co-phonebk", ("de",)),
        ("", ()),
    ],
)
def test_the_region_of_a_locale_is_a_place_and_its_script_and_extensions_are_none(
    locale: str, places: tuple[str, ...], world: World
) -> None:
    assert places_of(query_of(world, "ann", locale=locale)) == places


def test_the_reason_names_the_fact_the_users_item_and_who_says_so(world: World) -> None:
    say(world.table, "i5", fact("maker", "ADA"), source="fans", trust=0.4)
    assert reason(asking(world), world.table, 5) == "same maker as tea number 0: Ada (studio)"
    world.table.signal(OutsideKnowledge).forget(world.table, SignalKey("item", "studio", "i5"))
    assert reason(asking(world), world.table, 5) == "same maker as tea number 0: ADA (fans)"
    world.table.signal(OutsideKnowledge).forget(world.table, SignalKey("item", "fans", "i5"))
    assert reason(asking(world), world.table, 5) == "has something in common with what you chose lately"
