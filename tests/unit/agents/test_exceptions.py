"""A ban, or what alone is wanted, may have exceptions: the newest statement holds with its own exceptions alone."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.agent_state import agent_at
from agents.explanations import Explainer, Slot, is_supported
from agents.instructions.phrases import belief_phrase
from agents.instructions.wording import WORDINGS
from agents.memory.forgetting import CONDITIONAL_LIMIT
from agents.preferences import preferences_of
from features.recurring_times import zone_of
from schemas.ids import ItemId
from schemas.instructions import BanCategory, Excepted, Lift, LiftAll, MoreOf, OnlyCategory, SetAutonomy, Undo
from schemas.interactions import Click
from schemas.plans import ConditionalRule, Constraints
from tests.unit.agents.scenarios import START, USER, Life, after, event
from tests.unit.agents.test_limits_and_only import at, constraints_after

DAVIS = Excepted(subject="attribute", attribute="artist", value="Davis")
LIVE = Excepted(subject="category", value="live")
JAZZ_1 = Excepted(subject="item", value="jazz-1")
BAN, PLAIN = at(BanCategory, 0, "e0", category="jazz", exceptions=(DAVIS,)), at(BanCategory, 1, category="jazz")


def jazz_but(*exceptions: Excepted) -> Constraints:
    rule = ConditionalRule(kind="ban", category="jazz", exceptions=exceptions)
    return Constraints(rules=(rule,)) if exceptions else Constraints(banned_categories=("jazz",))


def test_a_ban_has_its_exceptions() -> None:
    assert constraints_after(BAN) == jazz_but(DAVIS)


def test_a_newer_ban_replaces_the_exceptions_in_any_order_and_undo_brings_them_back() -> None:
    newest = at(BanCategory, 2, category="jazz", exceptions=(LIVE,))
    assert {constraints_after(*order) for order in permutations((BAN, PLAIN, newest))} == {jazz_but(LIVE)}
    assert constraints_after(BAN, PLAIN) == jazz_but()
    assert constraints_after(BAN, PLAIN, at(Undo, 3)) == jazz_but(DAVIS)
    assert constraints_after(PLAIN, newest, at(Undo, 3)) == jazz_but()
    assert constraints_after(BAN, at(Undo, 3)) == Constraints()


def test_a_ban_with_exceptions_is_lifted_by_its_category_and_with_everything() -> None:
    assert constraints_after(BAN, PLAIN, at(Lift, 2, value="Jazz")) == Constraints()
    assert constraints_after(BAN, at(LiftAll, 2)) == Constraints()


def test_exceptions_for_a_time_give_way_to_the_ban_before() -> None:
    short = at(BanCategory, 2, category="jazz", exceptions=(LIVE,), until=START + 100)
    life = after(Life(), [PLAIN, short])
    assert life.agent.constraints == jazz_but(LIVE)
    assert agent_at(life.agent, USER, START + 100).constraints == jazz_but()


def test_the_order_and_number_of_the_exceptions_makes_no_difference() -> None:
    ways = [(DAVIS, LIVE, JAZZ_1), (JAZZ_1, DAVIS, LIVE, DAVIS), (LIVE, JAZZ_1, DAVIS)]
    lives = [after(Life(), [at(BanCategory, 0, "e", category="jazz", exceptions=way)]) for way in ways]
    assert len({life.agent.constraints for life in lives}) == 1


def test_a_newer_wish_outranks_the_ban_and_its_undo_brings_it_back() -> None:
    wish = at(MoreOf, 2, category="jazz")
    assert constraints_after(BAN, wish) == Constraints()
    assert constraints_after(BAN, wish, at(Undo, 3)) == jazz_but(DAVIS)


def test_what_alone_is_wanted_has_exceptions_until_something_else_is() -> None:
    only = at(OnlyCategory, 0, category="jazz", exceptions=(DAVIS,))
    rule = ConditionalRule(kind="only", category="jazz", exceptions=(DAVIS,))
    assert constraints_after(only) == Constraints(rules=(rule,))
    assert constraints_after(only, at(OnlyCategory, 1, category="jazz")) == Constraints(only_categories=("jazz",))


def test_what_is_excepted_is_neither_wished_for_nor_held_back() -> None:
    agent = after(Life(), [event(Click, -1, "jazz-1"), BAN]).agent
    numbers = preferences_of(agent.plan, agent.memories, START + 1)
    assert [name for name, _ in (*numbers.category_weights, *numbers.intent_weights)] == []
    assert agent.plan is not None
    assert [quota for quota in agent.plan.quotas if quota.category == "jazz"] == []


def test_conditional_decisions_are_bounded() -> None:
    bans = [at(BanCategory, n, category=f"c{n}", exceptions=(LIVE,)) for n in range(CONDITIONAL_LIMIT + 5)]
    rules = constraints_after(*bans).rules
    assert [rule.category for rule in rules] == [f"c{n}" for n in reversed(range(5, CONDITIONAL_LIMIT + 5))]


RENEWALS = st.lists(
    st.sampled_from([True, True, True, False]), min_size=CONDITIONAL_LIMIT, max_size=CONDITIONAL_LIMIT + 9
)


@settings(max_examples=10)
@given(RENEWALS)
def test_what_holds_is_never_crowded_out_by_what_was_replaced(renewals: list[bool]) -> None:
    life, stated = Life(), list[str]()
    for number, renews in enumerate([False, *renewals]):
        stated.append("horror" if renews else f"c{number}")
        but = (replace(LIVE, value=f"live-{number}"),)
        life = after(life, [at(BanCategory, number, f"e{number}", category=stated[-1], exceptions=but)])
        newest_first = list(dict.fromkeys(reversed(stated)))[:CONDITIONAL_LIMIT]
        assert {rule.category for rule in life.agent.constraints.rules} == set(newest_first)


def test_a_ban_says_its_exceptions_and_an_excepted_item_says_why_it_is_there() -> None:
    [memory] = after(Life(), [replace(BAN, exceptions=(JAZZ_1, DAVIS))]).agent.memories
    said = [belief_phrase(memory, WORDINGS[language], str.title, START, zone_of("UTC")) for language in ("en", "de")]
    assert said == ["you want no jazz, except Davis, Jazz-1", "du willst nichts aus jazz, außer Davis, Jazz-1"]
    explainer = Explainer(None, [memory])
    own = Slot(ItemId("jazz-1"), ("jazz",), "popular")
    by_davis = Slot(ItemId("jazz-2"), ("Jazz",), "popular", attributes=(("artist", "Davis"),))
    other = Slot(ItemId("folk-1"), ("folk",), "popular", attributes=(("artist", "Davis"),))
    lines = explainer.lines([own, by_davis, other])
    expected = ["because you excepted it from “no jazz”", "because you excepted Davis from “no jazz”", "popular"]
    assert [line.text for line in lines] == expected
    assert all(
        is_supported(reason, [memory]) for reason in (*explainer.exceptions(own), *explainer.exceptions(by_davis))
    )


def test_at_autonomy_1_nothing_else_than_before_is_asked() -> None:
    propose = at(SetAutonomy, -1, level=1)
    assert constraints_after(propose, BAN) == jazz_but(DAVIS)


EXCEPTIONS = st.lists(st.sampled_from([DAVIS, LIVE, JAZZ_1]), max_size=3, unique=True).map(tuple)
STATED = st.builds(
    lambda kind, seconds, category, exceptions: at(kind, seconds, category=category, exceptions=exceptions),
    st.sampled_from([BanCategory, OnlyCategory]),
    st.integers(0, 50),
    st.sampled_from(["jazz", "folk"]),
    EXCEPTIONS,
)


@given(st.lists(STATED, max_size=6, unique_by=lambda statement: statement.event_time), st.randoms())
def test_the_newest_ban_of_a_category_holds_with_its_exceptions_alone_in_any_order(stated: list[Any], rng: Any) -> None:
    shuffled = [*stated]
    rng.shuffle(shuffled)
    constraints = constraints_after(*shuffled)
    assert constraints == constraints_after(*sorted(stated, key=lambda each: each.event_time))
    for category in ("jazz", "folk"):
        own = [each for each in stated if isinstance(each, BanCategory) and each.category == category]
        newest = max(own, key=lambda each: each.event_time, default=None)
        wishes = [each for each in stated if isinstance(each, OnlyCategory) and each.category == category]
        if newest is not None and all(wish.event_time < newest.event_time for wish in wishes):
            rules = [rule for rule in constraints.rules if (rule.kind, rule.category) == ("ban", category)]
            assert [set(rule.exceptions) for rule in rules] == ([set(newest.exceptions)] if newest.exceptions else [])
            assert (category in constraints.banned_categories) == (not newest.exceptions)


@pytest.mark.parametrize("kind", [BanCategory, OnlyCategory])
def test_what_is_said_twice_alike_is_one_statement(kind: Any) -> None:
    twice = [at(kind, seconds, category="jazz", exceptions=(DAVIS,)) for seconds in (0, 1)]
    assert len(after(Life(), twice).agent.memories) == 1
