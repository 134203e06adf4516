"""A category is the same in every spelling, and is shown in the first one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from inference.signals.registry import make_item_table
from schemas.ids import ItemId, UserId, category_key
from schemas.instructions import BanCategory, Lift
from schemas.topics import INSTRUCTIONS, ITEMS
from tests.builders import START, click, event_id, item, make_runner, newest_list, send_event

SPELLINGS = ("horror", "Horror ", "HORROR", " horror", "\uff28orror")


def world():  # type: ignore[no-untyped-def]
    runner = make_runner()
    for number, spelled in enumerate(SPELLINGS):
        runner.send(ITEMS, f"h{number}", item(f"h{number}", spelled))
        runner.send(ITEMS, f"t{number}", item(f"t{number}", "tea"))
    runner.run()
    return runner


def horror(runner) -> set[str]:  # type: ignore[no-untyped-def]
    return {ranked.item_id for ranked in newest_list(runner, "ann").home.items if ranked.item_id.startswith("h")}


@pytest.mark.parametrize("spelled", SPELLINGS)
@pytest.mark.parametrize("lifted", SPELLINGS[:3])
def test_a_ban_holds_for_every_spelling_and_any_spelling_lifts_it(spelled: str, lifted: str) -> None:
    runner = world()
    usual = {"user_id": UserId("ann"), "event_time": START}
    send_event(runner, click("ann", "t0"))
    assert horror(runner)
    send_event(runner, BanCategory(event_id=event_id(), category=spelled, **usual), INSTRUCTIONS)
    assert not horror(runner)
    send_event(runner, Lift(event_id=event_id(), value=lifted, **usual), INSTRUCTIONS)
    assert horror(runner)


def test_a_category_is_shown_in_the_spelling_in_which_it_came_first() -> None:
    table = make_item_table()
    table.put_item(item("a", "Sci-Fi"))
    table.put_item(item("b", " sci-fi"))
    assert table.categories(ItemId("a")) == table.categories(ItemId("b")) == ("Sci-Fi",)
    assert table.by_category.members("SCI-FI").tolist() == [0, 1]


def test_two_spellings_on_one_item_are_one_category() -> None:
    table = make_item_table()
    table.put_item(item("a", "Horror", "horror "))
    assert len(table.by_category) == 1


@given(some.text(min_size=1, max_size=20))
def test_the_key_of_a_key_is_itself(name: str) -> None:
    key = category_key(name)
    assert category_key(f"  {key}\t") == key
