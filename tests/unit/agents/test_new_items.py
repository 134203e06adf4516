"""Items that become available and fit a user strongly: who is re-planned, when, and what the plan holds."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace

from agents.agent_state import apply_instruction
from agents.planning.guardrails import check_plan
from agents.planning.new_items import NewItem
from agents.planning.triggers import ALL_TRIGGERS, TRIGGERS
from features.recurring_times import WEEKDAYS
from features.user_state import note
from schemas.ids import ItemId
from schemas.instructions import BanCategory, BanItem, LimitFact, MoreOf, RecurringTime, SetAutonomy
from schemas.interactions import Click, Hide
from tests.unit.agents.scenarios import START, Life, Shelf, after, event
from tests.unit.agents.test_planning import context_of, plan_of

JAZZ, FOLK = NewItem(ItemId("new-jazz"), ("jazz",)), NewItem(ItemId("new-folk"), ("folk",))
DAY_OF_START = datetime.fromtimestamp(START, UTC).weekday()
TODAY = RecurringTime(days=(WEEKDAYS[DAY_OF_START],))
TOMORROW = RecurringTime(days=(WEEKDAYS[(DAY_OF_START + 1) % 7],))
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


def test_an_item_that_breaks_a_limit_or_a_rule_of_this_time_does_not_fit() -> None:
    second = NewItem(ItemId("new-2"), ("jazz",))
    for said, fires in (
        ({"fact": "level", "at_most": 1.0}, False),
        ({"fact": "level", "at_most": 1.0, "category": "jazz"}, False),
        ({"fact": "level", "at_most": 1.0, "category": "folk"}, True),
        ({"fact": "level", "at_most": 2.0}, True),
        ({"fact": "level", "at_most": 1.0, "when": TODAY}, False),
        ({"fact": "level", "at_most": 1.0, "when": TOMORROW}, True),
    ):
        life = after(life_with((50.0, second)), [event(LimitFact, 20, **said), event(Click, 55, "folk-1")])
        assert (life.last.trigger == "new-item") == fires, said


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


class CountingShelf(Shelf, frozen=True, kw_only=True):
    """Notes when new items are asked for, in seconds after the start."""

    asked: list[float]

    def arrivals(self, since: float, until: float, locale: str) -> tuple[NewItem, ...]:
        self.asked.append(until - START)
        return super().arrivals(since, until, locale)


def test_new_items_are_looked_for_only_by_whom_a_plan_of_them_may_be_made() -> None:
    shelf = CountingShelf(new=((START + 50.0, JAZZ),), asked=[])
    life = after(Life(shelf=shelf), FAN)
    shelf.asked.clear()
    life = after(life, [event(Click, 60.0 + n, "folk-1") for n in range(5)])
    assert shelf.asked == [60.0], "then it cools down"
    shelf.asked.clear()
    after(life, [event(SetAutonomy, 70, level=0), *(event(Click, 9_000.0 * n, "folk-1") for n in range(1, 4))])
    assert shelf.asked == []


def test_where_the_trigger_is_off_no_plan_has_a_new_item() -> None:
    life, more = life_with((50.0, JAZZ)), event(MoreOf, 60, category="jazz")
    state = note(life.state, more.event_id, more.event_time)
    others = set(ALL_TRIGGERS) - {"new-item"}
    step = apply_instruction(life.agent, state, state, more, event_source_id="s", triggers=others, catalogue=life.shelf)
    assert step.agent.plan is not None
    assert (step.trigger, step.agent.plan.candidates) == ("instruction", ())


def test_a_plan_may_not_want_a_banned_item_nor_too_many() -> None:
    life = after(life_with(), [event(BanItem, 20, "jazz-1")])
    plan = plan_of(life)
    for candidates, reason in ((("jazz-1",), "banned"), (tuple(map(str, range(17))), "too-many")):
        violations = check_plan(replace(plan, candidates=candidates), context_of(life.agent))
        assert [each.split(":")[0] for each in violations] == [reason]
