"""What the ranker reads of an agent follows from plan and memories, and agrees with what explanations say."""

from __future__ import annotations

import pytest

from agents.preferences import preferences_of
from features.agent_preferences import AgentPreferences
from features.decay import DAY
from schemas.ids import ItemId
from schemas.instructions import BanCategory, BanItem, LessOf, PinItem
from schemas.interactions import Click, Dislike, Like
from schemas.memories import Subject
from tests.builders import memory
from tests.unit.agents.scenarios import Life, event, life_of


def numbers(life: Life) -> AgentPreferences:
    return preferences_of(life.agent.plan, life.agent.memories, 10.0)


def test_an_unknown_user_has_no_weights() -> None:
    assert numbers(Life()) == AgentPreferences()
    assert not numbers(Life()).is_weighted


def test_bans_of_memories_and_plan_are_both_handed_over() -> None:
    life = life_of(event(BanItem, 0.0, "jazz-1"), event(BanCategory, 1.0, category="folk"))
    assert set(numbers(life).banned_items) == {"jazz-1"}
    assert set(numbers(life).banned_categories) == {"folk"}
    assert preferences_of(life.agent.plan, (), 10.0).banned_items == ("jazz-1",)
    assert preferences_of(None, life.agent.memories, 10.0).banned_categories == ("folk",)


def test_weights_are_signed_by_what_a_memory_speaks_for() -> None:
    life = life_of(event(Like, 0.0, "jazz-1"), event(Dislike, 1.0, "folk-1"), event(LessOf, 2.0, category="rock"))
    assert {name: weight > 0.0 for name, weight in numbers(life).category_weights} == {
        "jazz": True,
        "folk": False,
        "rock": False,
    }
    assert {item: weight > 0.0 for item, weight in numbers(life).item_weights} == {"jazz-1": True, "folk-1": False}


@pytest.mark.parametrize(("subject", "half_life"), [("category", 30 * DAY), ("item", 60 * DAY)])
def test_categories_and_items_weigh_what_is_left_of_their_strength_times_their_trust(
    subject: Subject, half_life: float
) -> None:
    remembered = memory("u1", "tea", "likes", subject, strength=2.0, trust=0.7)
    for now, expected in ((remembered.recorded_from, 1.4), (remembered.recorded_from + half_life, 0.7)):
        numbers = preferences_of(None, (remembered,), now)
        [(_, weight)] = numbers.category_weights or numbers.item_weights
        assert weight == pytest.approx(expected)


def test_liked_items_come_strongest_first() -> None:
    remembered = [memory("u1", name, "likes", "item", strength=size) for name, size in (("a", 1.0), ("b", 3.0))]
    assert preferences_of(None, remembered, 0.0).liked_items == ("b", "a")


def test_dormant_memories_have_no_weight() -> None:
    assert preferences_of(None, (memory("u1", "tea", "likes", state="stale"),), 0.0) == AgentPreferences()


def test_an_intent_weighs_its_share_times_its_confidence() -> None:
    life = life_of(event(Click, 0.0, "jazz-1"), event(PinItem, 60.0, "folk-1"))
    assert life.agent.plan is not None
    [intent] = life.agent.plan.intents
    assert numbers(life).intent_weights == (("jazz", intent.weight * intent.confidence),)
    assert numbers(life).liked_items == (ItemId("folk-1"),)
