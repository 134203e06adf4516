"""A reason is a line that its evidence bears out."""

from __future__ import annotations

from msgspec.structs import replace

from agents.explanations import explain_item, explain_list, is_supported
from schemas.ids import ItemId
from schemas.instructions import Lift, MoreOf, PinItem
from schemas.interactions import Click, Like
from tests.unit.agents.scenarios import Life, event, life_of

HEARD = tuple(event(Click, 5.0 * k, "jazz-1") for k in range(3))
NOW = event(Lift, 60.0, value="nothing")


def text(life: Life, item: str, *categories: str) -> str | None:
    reason = explain_item(ItemId(item), categories, life.agent.plan, life.agent.memories)
    return reason.text if reason else None


def test_a_list_is_explained_by_its_weightiest_intent() -> None:
    life = life_of(*HEARD, event(Click, 30.0, "folk-1"), NOW)
    reason = explain_list(life.agent.plan, life.agent.memories)
    assert reason is not None
    assert reason.text == "because of 3 recent choices in jazz"


def test_an_item_is_explained_by_the_intent_that_it_serves() -> None:
    life = life_of(*HEARD, event(Click, 30.0, "folk-1"), NOW)
    assert text(life, "folk-2", "folk") == "because of 1 recent choice in folk"


def test_no_more_evidence_is_claimed_than_is_kept() -> None:
    life = life_of(*(event(Click, 5.0 * k, "jazz-1") for k in range(20)), NOW)
    assert text(life, "jazz-2", "jazz") == "because of 8 or more recent choices in jazz"


def test_what_the_person_said_is_said_back() -> None:
    life = life_of(event(MoreOf, 0.0, category="rock"), event(PinItem, 1.0, "folk-1"), event(Like, 2.0, "jazz-1"))
    assert text(life, "rock-1", "rock") == "because you asked for more rock"
    assert text(life, "folk-1", "folk") == "because you pinned it"
    assert text(life, "jazz-1", "jazz") == "because you liked it before"


def test_nothing_is_claimed_where_nothing_is_remembered() -> None:
    life = life_of(*HEARD, NOW)
    assert text(life, "rock-1", "rock") is None
    assert explain_list(None, life.agent.memories) is None


def test_a_reason_holds_only_as_long_as_its_memory_does() -> None:
    life = life_of(*HEARD, NOW)
    reason = explain_list(life.agent.plan, life.agent.memories)
    assert reason is not None
    assert is_supported(reason, life.agent.memories)
    assert not is_supported(replace(reason, claims=4), life.agent.memories)
    assert not is_supported(replace(reason, text="because everybody does"), life.agent.memories)
    assert not is_supported(reason, ())
