"""Statements that hold at times of the week: they stand beside those that always do, and are decided by event time."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.instructions.phrases import belief_phrase
from agents.instructions.wording import WORDINGS
from agents.preferences import preferences_of
from features.agent_preferences import AgentPreferences
from features.recurring_times import holds_until, in_force, is_within, zone_of
from schemas.ids import ItemId
from schemas.instructions import (
    BanCategory,
    BanItem,
    Lift,
    LimitFact,
    MoreOf,
    OnlyCategory,
    RecurringTime,
    Undo,
    Weekday,
)
from schemas.interactions import Click
from schemas.plans import ConditionalRule, Constraints
from tests.unit.agents.scenarios import START, Life, after, event
from tests.unit.agents.test_limits_and_only import at, constraints_after

HOUR, DAY = 3_600.0, 86_400.0
WEEKEND = RecurringTime(days=("saturday", "sunday"))
FRIDAY_EVENING = RecurringTime(days=("friday",), starts="18:00")
BAN = at(BanCategory, 0, category="jazz", when=WEEKEND)


def on(day: Weekday, hour: float) -> float:
    """Return this hour (UTC) of the first such day after the start."""
    days: tuple[Weekday, ...] = ("thursday", "friday", "saturday", "sunday", "monday", "tuesday", "wednesday")
    number = days.index(day)  # 1970-01-01 was a Thursday
    ahead = (number - int(START // DAY)) % 7 or 7
    return START // DAY * DAY + ahead * DAY + hour * HOUR


def numbers_at(life: Life, when: float) -> AgentPreferences:
    return preferences_of(life.agent.plan, life.agent.memories, when)


def test_a_ban_of_weekends_holds_on_weekends_alone() -> None:
    life = after(Life(), [BAN])
    assert [len(numbers_at(life, on(day, 12)).rules) for day in ("friday", "saturday", "sunday", "monday")] == [
        0,
        1,
        1,
        0,
    ]


def test_it_neither_outranks_nor_weighs_against_what_is_liked() -> None:
    click = event(Click, -1, "jazz-1")
    plain, banned = after(Life(), [click]), after(Life(), [click, BAN])
    friday = on("friday", 12)
    assert numbers_at(banned, friday).category_weights == numbers_at(plain, friday).category_weights != ()
    assert numbers_at(banned, friday).banned_categories == ()


def test_it_stands_beside_what_always_holds_and_undo_takes_back_the_newest() -> None:
    always, wish = at(BanCategory, 1, category="jazz"), at(MoreOf, 2, category="jazz")
    for order in permutations((BAN, always)):
        constraints = constraints_after(*order)
        assert (constraints.banned_categories, len(constraints.rules)) == (("jazz",), 1)
    assert len(constraints_after(BAN, wish).rules) == 1
    assert constraints_after(BAN, always, at(Undo, 3)) == constraints_after(BAN)
    assert constraints_after(BAN, at(Lift, 3, value="jazz")) == Constraints()


def test_only_at_a_time_holds_instead_of_only_and_the_newest_time_counts() -> None:
    only, evening = at(OnlyCategory, 0, category="folk"), at(OnlyCategory, 1, category="jazz", when=FRIDAY_EVENING)
    newer = at(OnlyCategory, 2, category="rock", when=RecurringTime(days=("friday",), starts="20:00"))
    for order in permutations((only, evening, newer)):
        life = after(Life(), order)
        wanted = [
            (now.only_categories, [rule.category for rule in now.rules])
            for now in (numbers_at(life, on("friday", hour)) for hour in (12, 19, 21))
        ]
        assert wanted == [(("folk",), []), ((), ["jazz"]), ((), ["rock"])]


def test_a_limit_and_a_ban_of_an_item_may_recur() -> None:
    limit = at(LimitFact, 0, fact="length", at_most=90.0, when=FRIDAY_EVENING)
    ban = at(BanItem, 1, item_id=ItemId("jazz-1"), when=FRIDAY_EVENING)
    life = after(Life(), [limit, ban])
    rules = numbers_at(life, on("friday", 20)).rules
    assert [(rule.kind, rule.item, rule.limit is not None) for rule in rules] == [
        ("ban", "jazz-1", False),
        ("limit", "", True),
    ]
    assert numbers_at(life, on("friday", 17)).rules == ()


def test_the_same_time_in_another_order_of_days_is_the_same_statement() -> None:
    other = at(BanCategory, 1, category="jazz", when=RecurringTime(days=("sunday", "saturday", "sunday")))
    assert len(after(Life(), [BAN, other]).agent.memories) == 1


def test_the_clock_is_that_of_the_time_zone_also_when_it_changes() -> None:
    nights = RecurringTime(days=("saturday",), starts="23:00", ends="04:00", time_zone="Europe/Berlin")
    stated = constraints_after(at(BanCategory, 0, category="jazz", when=nights))
    began = 1_774_735_200.0  # 2026-03-28T23:00 in Berlin; at 02:00 it becomes 03:00, so the night is an hour shorter
    found = [bool(in_force(stated, began + hours * HOUR).rules) for hours in (-1, 0, 3, 3.99, 4)]
    assert found == [False, True, True, True, False]
    assert [holds_until(stated, began + hours * HOUR) for hours in (-1, 0)] == [began, began + 4 * HOUR]


@given(
    st.sampled_from(["Europe/Berlin", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe", "UTC"]),
    st.sampled_from([1_774_746_000.0, 1_792_890_000.0, 1_793_512_800.0, 1_325_239_200.0, 1_775_314_800.0]),
    st.integers(-30 * 60, 30 * 60),
    st.sampled_from(["00:00", "01:30", "02:00", "02:30", "12:00"]),
    st.sampled_from(["00:00", "01:45", "02:15", "02:45", "03:00"]),
)
def test_nothing_else_is_in_force_before_the_list_expires(
    zone: str, change: float, minutes: int, starts: str, ends: str
) -> None:
    when = RecurringTime(days=("saturday", "sunday"), starts=starts, ends=ends, time_zone=zone)
    rules = Constraints(rules=(ConditionalRule(kind="ban", category="jazz", when=when),))
    at = change + 60.0 * minutes
    ends_at = holds_until(rules, at)
    assert ends_at is not None
    assert at < ends_at <= at + DAY
    assert {is_within(when, at + 60.0 * each) for each in range(int((ends_at - at - 1) // 60) + 1)} == {
        is_within(when, at)
    }


def test_a_ban_of_the_same_time_replaces_that_of_another_zone() -> None:
    other = at(BanCategory, 1, category="jazz", when=replace(WEEKEND, time_zone="Europe/Berlin"))
    for order in permutations((BAN, other)):
        assert [rule.when for rule in constraints_after(*order).rules] == [other.when]
    assert constraints_after(BAN, other, at(Undo, 3)) == constraints_after(BAN)


def test_a_recurring_ban_says_when_it_holds() -> None:
    ban = at(BanCategory, 0, category="jazz", when=FRIDAY_EVENING, until=START + DAY)
    [memory] = after(Life(), [ban]).agent.memories
    said = [belief_phrase(memory, WORDINGS[language], str, START, zone_of("UTC")) for language in ("en", "de")]
    assert said[0].startswith("you want no jazz on Fridays from 18:00 to 24:00 until ")
    assert said[1].startswith("du willst nichts aus jazz freitags von 18:00 bis 24:00 Uhr bis ")


def test_times_without_a_date_are_read_as_the_nearest_that_has_one() -> None:
    stated = constraints_after(BAN)
    for far in (-1e18, -1e11, 1e11, 1e18):
        assert len(in_force(stated, far).rules) <= 1
        ends = holds_until(stated, far)
        assert ends is not None
        assert ends >= far
