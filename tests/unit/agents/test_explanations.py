"""A reason is a line that its evidence bears out."""

from __future__ import annotations

from msgspec.structs import replace

from agents.explanations import MOST_ALIKE, Explainer, Reason, Slot, is_supported
from schemas.ids import ItemId
from schemas.instructions import Lift, MoreOf, PinItem
from schemas.interactions import Click, Like
from tests.unit.agents.scenarios import Life, event, life_of

THREE_JAZZ = tuple(event(Click, 5.0 * k, "jazz-1") for k in range(3))
REPLAN = event(Lift, 60.0, value="nothing")


def reason(life: Life, item: str, *categories: str) -> Reason | None:
    return Explainer(life.agent.plan, life.agent.memories).item(ItemId(item), categories)


def text(life: Life, item: str, *categories: str) -> str | None:
    explanation = reason(life, item, *categories)
    return explanation.text if explanation else None


def test_an_item_is_explained_by_the_intent_that_it_serves() -> None:
    life = life_of(*THREE_JAZZ, event(Click, 30.0, "folk-1"), REPLAN)
    assert text(life, "folk-2", "folk") == "because of 1 recent choice in folk"


def test_an_item_of_two_intents_is_explained_by_the_weightier() -> None:
    life = life_of(*THREE_JAZZ, event(Click, 30.0, "folk-1"), REPLAN)
    assert text(life, "jazz-folk", "folk", "jazz") == "because of 3 recent choices in jazz"


def test_no_more_evidence_is_claimed_than_is_stored() -> None:
    life = life_of(*(event(Click, 5.0 * k, "jazz-1") for k in range(20)), REPLAN)
    assert text(life, "jazz-2", "jazz") == "because you often choose jazz"


def test_instructions_are_quoted_as_reasons() -> None:
    life = life_of(event(MoreOf, 0.0, category="rock"), event(PinItem, 1.0, "folk-1"), event(Like, 2.0, "jazz-1"))
    assert text(life, "rock-1", "rock") == "because you asked for more rock"
    assert text(life, "folk-1", "folk") == "because you pinned it"
    assert text(life, "jazz-1", "jazz") == "because you liked it before"


def test_nothing_is_claimed_where_nothing_is_remembered() -> None:
    life = life_of(*THREE_JAZZ, REPLAN)
    assert text(life, "rock-1", "rock") is None
    assert Explainer(None, life.agent.memories).item(ItemId("jazz-2"), ("jazz",)) is None


def test_a_reason_holds_only_as_long_as_its_memory_does() -> None:
    life = life_of(*THREE_JAZZ, REPLAN)
    explanation = reason(life, "jazz-2", "jazz")
    assert explanation is not None
    assert is_supported(explanation, life.agent.memories)
    assert not is_supported(replace(explanation, claims=4), life.agent.memories)
    assert not is_supported(replace(explanation, text="because everybody does"), life.agent.memories)
    assert not is_supported(explanation, ())


def test_a_list_says_different_things_while_there_is_something_else_to_say() -> None:
    life = life_of(*THREE_JAZZ, event(Click, 30.0, "folk-1"), event(MoreOf, 31.0, category="rock"), REPLAN)
    explainer = Explainer(life.agent.plan, life.agent.memories)
    alike = [
        Slot(ItemId(f"i{number}"), ("jazz",), f"goes with your last choice: jazz-{number}", True) for number in "ab"
    ]
    same = [Slot(ItemId(f"j{number}"), ("jazz",), "popular in the last day") for number in range(6)]
    lines = explainer.lines([Slot(ItemId("r"), ("rock", "jazz"), "", False), *alike, *same])
    texts = [line.text for line in lines]
    assert texts[0] == "because you asked for more rock"
    assert texts[1:3] == ["goes with your last choice: jazz-a", "goes with your last choice: jazz-b"]
    assert texts.count("because of 3 recent choices in jazz") == 3
    assert [line.is_specific for line in lines].count(False) == texts.count("popular in the last day") == 3
    assert max(map(texts[:7].count, texts[:7])) <= MOST_ALIKE


def test_a_line_without_evidence_is_the_sources_own() -> None:
    [line] = Explainer(None, ()).lines([Slot(ItemId("i"), (), "popular in the last day")])
    assert (line.text, line.is_specific) == ("popular in the last day", False)
