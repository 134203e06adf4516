"""The search index finds what the words, vectors and filters say, and nothing that may not be shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from features.decay import DAY
from features.statistics import fold_delta
from inference.items.table import ItemTable
from inference.search.index import CHANGES_KEPT, SearchIndex
from inference.search.query import ItemQuery
from inference.search.words import WORDS_SEARCHED, SearchWords
from schemas.errors import BadFilter
from schemas.ids import ItemId
from schemas.item_perceptions import Embedding, ItemPerception
from schemas.items import Item
from schemas.plans import Constraints, Limit
from schemas.signals import ExternalSignal, OutsideDocument, OutsideFact, SignalKey, signal_key
from schemas.statistics import ItemDelta
from tests.builders import START

FILMS: tuple[dict[str, Any], ...] = (
    {
        "item_id": "heat",
        "title": "Heat (1995)",
        "categories": ("Crime", "Drama"),
        "price": 9.0,
        "attributes": {"director": "Michael Mann", "runtime": 170.0, "released": "1995-12-15", "subtitled": True},
    },
    {
        "item_id": "collateral",
        "title": "Collateral (2004)",
        "categories": ("Crime", "Thriller"),
        "price": 7.5,
        "attributes": {"director": "Michael Mann", "runtime": 120.0, "released": "2004-08-06"},
    },
    {
        "item_id": "airplane",
        "title": "Airplane! (1980)",
        "categories": ("Comedy",),
        "tags": ("spoof", "Airport"),
        "attributes": {"director": "Jim Abrahams|David Zucker", "runtime": "88 min", "subtitled": False},
    },
    {"item_id": "amelie", "title": "Amélie", "categories": ("Comedy", "Romance"), "text": "A waitress in Paris."},
    {"item_id": "later", "title": "Heatwave", "categories": ("Drama",), "available_from": START + 1e6},
    {"item_id": "german", "title": "Hitze", "categories": ("Crime",), "locales": ("de",)},
)
EYE = np.eye(8, dtype="<f2")


@pytest.fixture
def index() -> SearchIndex:
    index = SearchIndex()
    for film in FILMS:
        index.put_item(Item(**film))
    return index


def found(index: SearchIndex, **more: Any) -> list[str]:
    return [each.item_id for each in index.search(ItemQuery(at=START, **more)).items]


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("heat", "heat"),
        ("HEAT 1995", "heat"),
        ("colateral", "collateral"),
        ("airplaen", "airplane"),
        ("amelie", "amelie"),
        ("waitress paris", "amelie"),
        ("michael mann collateral", "collateral"),
        ("comedies spoof", "airplane"),
        ("zucker", "airplane"),
    ],
)
def test_words_find_the_item_that_they_are_of(index: SearchIndex, words: str, first: str) -> None:
    assert found(index, words=words)[0] == first


def test_words_of_no_item_find_nothing(index: SearchIndex) -> None:
    assert found(index, words="xylophone") == []
    assert found(index, words="?!") == []


@pytest.mark.parametrize(
    ("matching", "items"),
    [
        ("categories:Crime", {"heat", "collateral", "german"}),
        ("category:crime and not categories:Drama", {"collateral", "german"}),
        ("categories in (Romance, thriller)", {"amelie", "collateral"}),
        ('director = "michael mann"', {"heat", "collateral"}),
        ('director:"David Zucker"', {"airplane"}),
        ("tags:spoof", {"airplane"}),
        ("price < 9", {"collateral"}),
        ("price <= 9", {"heat", "collateral"}),
        ("price != 9", {"collateral", "airplane", "amelie", "german"}),
        ("price:*", {"heat", "collateral"}),
        ("not price:*", {"airplane", "amelie", "german"}),
        ("year >= 1990 and year < 2000", {"heat"}),
        ("released > 2000-01-01", {"collateral"}),
        ("released <= 1995-12", {"heat"}),
        ("runtime < 100 or length > 150", {"airplane", "heat"}),
        ("subtitled:true", {"heat"}),
        ("subtitled:*", {"heat", "airplane"}),
        ("item_id in (heat, amelie)", {"heat", "amelie"}),
        ("available_from > 2000-01-01", set()),
        ("year in (1995, 1980)", {"heat", "airplane"}),
    ],
)
def test_a_filter_leaves_what_matches(index: SearchIndex, matching: str, items: set[str]) -> None:
    assert set(found(index, matching=matching)) == items


@pytest.mark.parametrize(
    ("matching", "at", "text"),
    [
        ("categories:Crime and prize < 3", 21, "did you mean 'price'"),
        ("price < cheap", 0, "is a number"),
        ("director > Mann", 0, "have an order"),
        ("available_from > soon", 0, "is a time"),
        ("item_id > heat", 0, "alone"),
    ],
)
def test_what_cannot_be_compared_is_named(index: SearchIndex, matching: str, at: int, text: str) -> None:
    with pytest.raises(BadFilter, match=text) as caught:
        found(index, matching=matching)
    assert caught.value.at == at


def test_statements_hold_in_every_search(index: SearchIndex) -> None:
    stated = Constraints(banned_items=("heat",), only_categories=("Crime",), limits=(Limit(fact="price", at_most=8.0),))
    for query in ({}, {"words": "crime"}, {"by": "popular"}, {"matching": "categories:Crime"}):
        assert set(found(index, constraints=stated, **query)) <= {"collateral"}
    assert found(index, constraints=stated) == ["collateral"]
    banned = Constraints(banned_categories=("crime",))
    assert set(found(index, constraints=banned)) == {"airplane", "amelie"}


def test_items_are_found_where_and_while_they_may_be_shown(index: SearchIndex) -> None:
    assert "german" not in found(index, locale="en")
    assert "german" in found(index, locale="de-AT")
    assert found(index, words="heatwave") != ["later"]
    assert index.search(ItemQuery(words="heatwave", at=START + 2e6)).items[0].item_id == "later"
    index.withdraw(ItemId("heat"))
    assert "heat" not in found(index)
    index.put_item(Item(**FILMS[0]))
    assert found(index, words="heat 1995")[0] == "heat"


def test_a_new_entry_replaces_the_words_and_values_of_the_old(index: SearchIndex) -> None:
    index.put_item(Item(item_id=ItemId("heat"), title="Cold", categories=("Horror",)))
    assert "heat" not in found(index, words="1995")
    assert "heat" not in found(index, matching="categories:Crime or director:*")
    assert found(index, matching="categories:Horror") == ["heat"]


def test_boosts_multiply_scores(index: SearchIndex) -> None:
    plain = found(index, words="crime")
    assert found(index, words="crime", boosts=f"item_id:{plain[-1]}^10")[0] == plain[-1]
    assert found(index, words="crime", boosts=f"item_id:{plain[0]}^0.1")[-1] == plain[0]
    with pytest.raises(BadFilter, match="boost, character 1"):
        found(index, boosts="prize:3^2")


def test_a_list_draws_results_that_are_like_it(index: SearchIndex) -> None:
    assert found(index, words="crime drama thriller comedy", tastes=(ItemId("amelie"),)).index("amelie") <= found(
        index, words="crime drama thriller comedy"
    ).index("amelie")
    assert found(index, tastes=(ItemId("heat"),), left_out=frozenset({"heat"}))[0] == "collateral"


def choose(index: SearchIndex, name: str, *times: float) -> None:
    row = None
    for offset, at in enumerate(times):
        delta = ItemDelta(item_id=ItemId(name), source="s", offset=offset, event_time=START + at, weight=1.0)
        row = fold_delta(row, delta)
    assert row is not None
    index.put_statistics(row)


def test_popular_and_trending_count_within_the_window(index: SearchIndex) -> None:
    steady = tuple(-day * DAY for day in range(40, 0, -1))
    choose(index, "heat", *steady)
    choose(index, "amelie", *(-hour * 3_600.0 for hour in range(12, 0, -1)))
    assert found(index, by="popular", window="month")[0] == "heat"
    assert found(index, by="popular", window="day")[0] == "amelie"
    assert found(index, by="trending", window="day")[0] == "amelie"
    assert found(index, by="popular", category="crime") == ["heat"]


def perceive(index: SearchIndex, name: str, *, text: int | None = None, image: int | None = None) -> None:
    def vector(tag: str, row: int | None) -> Embedding | None:
        return None if row is None else Embedding(encoder=tag, vector=EYE[row].tobytes())

    seen = ItemPerception(item_id=ItemId(name), content="", text=vector("t/1", text), image=vector("i/1", image))
    index.put_perception(ItemId(name), seen)


def test_meaning_finds_what_shares_no_word_and_encoders_are_never_mixed(index: SearchIndex) -> None:
    for row, film in enumerate(FILMS):
        perceive(index, film["item_id"], text=row)
    meant = Embedding(encoder="t/1", vector=EYE[2].tobytes())
    assert found(index, words="xylophone", vectors=(meant,)) == ["airplane"]
    assert found(index, words="xylophone", vectors=(Embedding(encoder="t/2", vector=EYE[2].tobytes()),)) == []
    index.put_perception(ItemId("airplane"), None)
    assert "airplane" not in found(index, words="xylophone", vectors=(meant,))


def test_pictures_are_compared_with_pictures(index: SearchIndex) -> None:
    for name, image in (("heat", 0), ("amelie", 0), ("airplane", 1)):
        perceive(index, name, text=3, image=image)
    alike = index.like_picture(ItemId("heat"), ItemQuery(at=START))
    assert alike is not None
    assert [each.item_id for each in alike.items] == ["amelie"]
    assert index.like_picture(ItemId("collateral"), ItemQuery(at=START)) is None
    assert index.like_picture(ItemId("none"), ItemQuery(at=START)) is None


def test_factors_of_single_items(index: SearchIndex) -> None:
    items = [ItemId(name) for name in ("heat", "airplane", "unknown")]
    assert index.factors(items, ItemQuery(matching="categories:Crime", boosts="price:*^2")) == [2.0, 0.0, 0.0]
    assert index.factors(items, ItemQuery(boosts="price:*^2")) == [2.0, 1.0, 1.0]


def test_a_word_that_stands_in_one_field_alone_is_no_fault_in_the_other() -> None:
    index = SearchIndex()
    for number in range(40):
        text = f"plain {number} words{number} more{number}"
        index.put_item(Item(item_id=ItemId(f"i{number}"), title=f"title{number}", text=text))
    assert found(index, words="more39") == ["i39"]
    assert found(index, words="title39", tastes=(ItemId("i38"),))[0] == "i39"


def say(index: SearchIndex, item: str, source: str = "press", **more: Any) -> None:
    signal = ExternalSignal(scope="item", subject=item, source=source, recorded_at=0.0, **more)
    index.put_signal(signal_key(signal), signal)


def test_items_are_found_by_what_sources_outside_say_of_them(index: SearchIndex) -> None:
    say(index, "unlisted", documents=(OutsideDocument(text="A bank robbery."),))
    say(index, "heat", documents=(OutsideDocument(text="A bank robbery."),), facts=(fact("cast", "Al Pacino"),))
    assert found(index, words="robbery") == ["heat"]
    assert found(index, words="pacino") == ["heat"]
    say(index, "heat", documents=(OutsideDocument(text="A duel."),))
    assert (found(index, words="robbery"), found(index, words="duel")) == ([], ["heat"])
    index.put_item(Item(**(FILMS[0] | {"title": "Heat again"})))
    assert (found(index, words="again"), found(index, words="duel")) == (["heat"], ["heat"])
    index.put_signal(SignalKey("item", "press", "heat"), None)
    assert (found(index, words="duel"), found(index, words="heat mann")[0]) == ([], "heat")


def test_a_document_is_found_while_it_is_valid(index: SearchIndex) -> None:
    say(index, "heat", documents=(OutsideDocument(text="Premiere.", valid_from=START + 9, valid_until=START + 20),))
    asked = [index.search(ItemQuery(at=START + after, words="premiere")).total for after in (0.0, 9.0, 20.0)]
    assert asked == [0, 1, 0]


def test_one_change_an_item_is_expected_however_often_its_signal_comes_again(index: SearchIndex) -> None:
    index.search(ItemQuery(at=START))
    for number in range(1_000):
        until = START + (10.0 if number % 2 else 1e6 - number)
        say(index, "heat", documents=(OutsideDocument(text="Premiere.", valid_until=until),))
    assert (index._next_change, len(index._changes) <= 2 + CHANGES_KEPT) == ({"heat": START + 10.0}, True)
    asked = [index.search(ItemQuery(at=START + after, words="premiere")).total for after in (9.0, 10.0)]
    assert asked == [1, 0]


def test_items_of_which_nothing_is_said_are_not_read_again(index: SearchIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    say(index, "heat", documents=(OutsideDocument(text="A duel."),))
    read: list[int] = []
    monkeypatch.setattr(SearchWords, "say", lambda words, number, texts: read.append(number))
    for film in FILMS:
        index.put_item(Item(**film))
    assert [index.table.ids[number] for number in read] == ["heat"]


def test_no_more_texts_are_read_than_words_are_kept() -> None:
    words, table, read = SearchWords(capacity=1), ItemTable(()), []
    words.describe(table, 0, Item(item_id=ItemId("i"), title="Heat"))

    def texts() -> Iterator[str]:
        for number in range(1_000):
            read.append(number)
            yield f"heat word{number} word{number}"

    words.say(0, texts())
    assert len(read) == WORDS_SEARCHED - 1
    assert words.scores("word62", 1)[0] > 0.0
    words.say(0, ())
    assert (words.scores("word62", 1)[0], words.scores("heat", 1)[0] > 0.0) == (0.0, True)


def fact(attribute: str, value: str) -> OutsideFact:
    return OutsideFact(attribute=attribute, value=value)
