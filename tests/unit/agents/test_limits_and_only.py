"""Limits, and categories that alone are wanted: the newest statement holds, undone it gives way to the one before."""

from __future__ import annotations

from itertools import permutations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agents.instructions.phrases import belief_phrase
from agents.instructions.wording import WORDINGS
from agents.planning.guardrails import check_slate, strike
from features.recurring_times import zone_of
from schemas.ids import EventId, ItemId
from schemas.instructions import BanCategory, Lift, LiftAll, LimitFact, OnlyCategory, Undo
from schemas.plans import ConditionalRule, Constraints, Limit
from tests.unit.agents.scenarios import START, USER, Life, after, believes


def at(kind: Any, seconds: float, name: str = "", **fields: Any) -> Any:
    """Return a statement of this kind, made so many seconds after the start."""
    event_id = EventId(name or f"{kind.__name__}-{seconds}-{sorted(fields.items())}")
    return kind(event_id=event_id, user_id=USER, event_time=START + seconds, **fields)


def constraints_after(*statements: Any) -> Constraints:
    return after(Life(), statements).agent.constraints


def test_the_newest_limit_of_a_side_holds_and_the_other_side_stays() -> None:
    low, high = at(LimitFact, 0, fact="price", at_least=5.0), at(LimitFact, 1, fact="price", at_most=20.0)
    higher = at(LimitFact, 2, fact="price", at_most=30.0)
    for statements in permutations((low, high, higher)):
        assert constraints_after(*statements).limits == (Limit(fact="price", at_least=5.0, at_most=30.0),)


def test_undo_brings_back_the_limit_that_the_newest_had_replaced() -> None:
    statements = [at(LimitFact, 0, fact="year", at_most=1990.0), at(LimitFact, 1, fact="year", at_most=1980.0)]
    assert constraints_after(*statements, at(Undo, 2)).limits == (Limit(fact="year", at_most=1990.0),)


def test_a_limit_that_ends_gives_way_to_the_one_before() -> None:
    short = at(LimitFact, 1, fact="price", at_most=10.0, until=START + 100)
    statements = [at(LimitFact, 0, fact="price", at_most=20.0), short]
    assert constraints_after(*statements).limits == (Limit(fact="price", at_most=10.0),)
    assert constraints_after(*statements, at(Lift, 100, value="nothing")).limits == (Limit(fact="price", at_most=20.0),)


def test_what_alone_is_wanted_is_what_was_said_last() -> None:
    folk = [at(OnlyCategory, 1, "e1", category=name) for name in ("folk", "rock")]
    assert constraints_after(*folk).only_categories == ("folk", "rock") or constraints_after(*folk).only_categories == (
        "rock",
        "folk",
    )
    newer = after(Life(), [*folk, at(OnlyCategory, 2, category="jazz")])
    assert newer.agent.constraints.only_categories == ("jazz",)
    assert not believes(newer, "wants-only", "folk")
    assert set(after(newer, [at(Undo, 3)]).agent.constraints.only_categories) == {"folk", "rock"}


def test_a_ban_of_the_only_category_wanted_ends_that_wish_until_it_is_lifted() -> None:
    wish, ban = at(OnlyCategory, 0, category="jazz"), at(BanCategory, 1, category="jazz")
    assert constraints_after(wish, ban) == Constraints(banned_categories=("jazz",))
    assert constraints_after(wish, ban, at(Undo, 2)) == Constraints(only_categories=("jazz",))


def test_lifting_a_fact_lifts_both_sides_and_lifting_all_leaves_nothing() -> None:
    limit, wish = at(LimitFact, 0, fact="price", at_least=1.0, at_most=2.0), at(OnlyCategory, 0, category="jazz")
    assert constraints_after(limit, wish, at(Lift, 1, value="price")) == Constraints(only_categories=("jazz",))
    assert constraints_after(limit, wish, at(LiftAll, 1)) == Constraints()


def test_a_limit_of_one_category_stands_beside_that_of_all_and_the_newest_of_each_holds() -> None:
    def of(seconds: float, bound: float, category: str | None = None) -> Any:
        return at(LimitFact, seconds, f"e{seconds}", fact="length", at_most=bound, category=category)

    stated = [of(0, 90.0, "jazz"), of(1, 120.0), of(2, 60.0, "Jazz"), of(3, 30.0, "folk")]
    shortest = ConditionalRule(kind="limit", category="Jazz", limit=Limit(fact="length", at_most=60.0))
    of_folk = ConditionalRule(kind="limit", category="folk", limit=Limit(fact="length", at_most=30.0))
    for order in permutations(stated):
        constraints = constraints_after(*order)
        assert constraints.limits == (Limit(fact="length", at_most=120.0),)
        assert constraints.rules == (of_folk, shortest)
    first = ConditionalRule(kind="limit", category="jazz", limit=Limit(fact="length", at_most=90.0))
    assert constraints_after(*stated, at(Undo, 4), at(Undo, 5)).rules == (first,)
    assert constraints_after(*stated, at(Lift, 4, value="jazz")).rules == (of_folk,)
    assert constraints_after(*stated, at(Lift, 4, value="length")) == Constraints()


def test_a_limit_of_a_category_is_said_in_words() -> None:
    limit = at(LimitFact, 0, fact="length", at_most=120.0, category="jazz")
    [memory] = after(Life(), [limit]).agent.memories
    said = [belief_phrase(memory, WORDINGS[language], str, START, zone_of("UTC")) for language in ("en", "de")]
    assert said == ["jazz only with length at most 120 minutes", "jazz nur mit Länge höchstens 120 Minuten"]


def test_the_guardrails_strike_what_is_not_wanted_and_what_is_beyond_a_limit() -> None:
    constraints = Constraints(only_categories=("Jazz",), limits=(Limit(fact="price", at_most=5.0),))
    available = {ItemId("i1"): ("jazz", "folk"), ItemId("i2"): ("folk",), ItemId("i3"): ("jazz",)}
    violations = check_slate([*available], constraints, available, [ItemId("i3")])
    assert [(v.item_id, v.reason) for v in violations] == [("i2", "not-wanted"), ("i3", "beyond-limit")]
    assert strike([*available], constraints, available, [ItemId("i3")]) == ("i1",)


STATEMENTS = st.lists(
    st.builds(
        lambda seconds, fact, bound: at(LimitFact, seconds, fact=fact, at_most=bound),
        st.integers(0, 50),
        st.sampled_from(["price", "year"]),
        st.sampled_from([1.0, 2.0, 3.0]),
    )
    | st.builds(
        lambda seconds, name: at(OnlyCategory, seconds, category=name), st.integers(0, 50), st.sampled_from("abc")
    ),
    max_size=6,
    unique_by=lambda statement: statement.event_time,
)


@given(STATEMENTS, st.randoms(use_true_random=False))
def test_statements_add_up_to_the_same_in_any_order(statements: list[Any], rng: Any) -> None:
    shuffled = [*statements]
    rng.shuffle(shuffled)
    assert constraints_after(*shuffled) == constraints_after(*statements)
