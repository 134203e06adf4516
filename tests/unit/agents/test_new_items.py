"""Items that become available and fit a user strongly: who is re-planned, when, and what the plan holds."""

from __future__ import annotations

from msgspec.structs import replace

from agents.planning.guardrails import check_plan
from agents.planning.new_items import NewItem
from agents.planning.triggers import TRIGGERS
from schemas.ids import ItemId
from schemas.instructions import BanCategory, BanItem, MoreOf
from schemas.interactions import Click, Hide
from tests.unit.agents.scenarios import START, Life, Shelf, after, event
from tests.unit.agents.test_planning import context_of, plan_of

JAZZ, FOLK = NewItem(ItemId("new-jazz"), ("jazz",)), NewItem(ItemId("new-folk"), ("folk",))
FAN = [*(event(Click, float(n), f"jazz-{n % 3 + 1}") for n in range(8)), event(Click, 9.0, "folk-1")]


def life_with(*new: tuple[float, NewItem]) -> Life:
    return after(Life(shelf=Shelf(tuple((START + at, item) for at, item in new))), FAN)


def test_a_new_item_of_strong_fit_is_planned_for_at_the_users_next_event() -> None:
    life = life_with((50.0, JAZZ))
    before = plan_of(life)
    life = after(life, [event(Click, 40, "folk-2")])
    assert (life.last.trigger, plan_of(life)) == (None, before), "it is not available yet"
    life = after(life, [event(Click, 60, "folk-2")])
    assert life.last.trigger == "new-item"
    plan = plan_of(life)
    assert plan.candidates == ("new-jazz",)
    assert max(plan.intents, key=lambda intent: intent.weight).category == "jazz"


def test_an_item_is_new_once() -> None:
    life = after(life_with((50.0, JAZZ)), [event(Click, 60.0 + 4_000 * n, "jazz-1") for n in range(2)])
    assert [step.trigger for step in life.steps[-2:]] == ["new-item", "session-start"]
    assert plan_of(life).candidates == ()


def test_a_plan_made_for_another_reason_has_the_new_item_too() -> None:
    life = after(life_with((50.0, JAZZ)), [event(MoreOf, 60, category="jazz")])
    assert (life.last.trigger, plan_of(life).candidates) == ("instruction", ("new-jazz",))


def test_what_does_not_fit_strongly_fires_nothing() -> None:
    bans = [event(BanItem, 20, "new-jazz"), event(BanCategory, 20, category="jazz"), event(Hide, 20, "new-jazz")]
    assert after(life_with((50.0, FOLK)), [event(Click, 55, "jazz-1")]).last.trigger is None, "liked, but not most"
    for ban in bans:
        assert after(life_with((50.0, JAZZ)), [ban, event(Click, 55, "folk-1")]).last.trigger is None
    stranger = Life(shelf=Shelf(((START + 50.0, JAZZ),)))
    assert after(stranger, [event(Click, 10, "jazz-1"), event(Click, 60, "jazz-1")]).last.trigger is None


def test_an_item_fits_by_what_is_liked_of_it_together() -> None:
    both = NewItem(ItemId("both"), ("jazz", "folk"))
    life = after(life_with((50.0, JAZZ), (51.0, both)), [event(Click, 60, "folk-2")])
    assert plan_of(life).candidates == ("both",)


def test_new_items_fire_at_most_once_an_hour() -> None:
    [row] = [trigger for trigger in TRIGGERS if trigger.name == "new-item"]
    news = [(50.0 + 100.0 * n, NewItem(ItemId(f"n{n}"), ("jazz",))) for n in range(8)]
    life = after(life_with(*news), [event(Click, 60.0 + 100.0 * n, "folk-1") for n in range(8)])
    assert [step.trigger for step in life.steps].count("new-item") == 1
    assert row.budget.cool_down >= 3_600.0
    assert any("new-item" in step.suppressed for step in life.steps)


def test_a_plan_may_not_want_a_banned_item_nor_too_many() -> None:
    life = after(life_with(), [event(BanItem, 20, "jazz-1")])
    plan = plan_of(life)
    for candidates, reason in ((("jazz-1",), "banned"), (tuple(map(str, range(17))), "too-many")):
        violations = check_plan(replace(plan, candidates=candidates), context_of(life.agent))
        assert [each.split(":")[0] for each in violations] == [reason]
