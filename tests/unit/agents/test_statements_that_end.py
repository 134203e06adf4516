"""A statement that ends holds until its time, to the instant, and leaves nothing behind."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agents.agent_state import AgentState, agent_at
from schemas.ids import EventId
from schemas.instructions import BanCategory, BanItem, Instruction, Lift, MoreOf, PinItem, Undo
from schemas.interactions import Click
from schemas.plans import Constraints
from tests.unit.agents.scenarios import START, USER, Life, after, event


def said(kind: Any, at: float, value: str, until: float | None = None) -> Any:
    """Return a statement about a category or item, `at` and `until` in seconds after the start."""
    field = "item_id" if kind in (BanItem, PinItem) else "value" if kind is Lift else "category"
    ends = {} if until is None else {"until": START + until}
    name = EventId(f"{kind.__name__}-{value}-{at}-{until}")
    return kind(event_id=name, user_id=USER, event_time=START + at, **{field: value}, **ends)


def constraints_at(life: Life, at: float) -> Constraints:
    return agent_at(life.agent, USER, START + at).constraints


def active(agent: AgentState) -> list[tuple[str, str]]:
    return sorted((memory.predicate, memory.value) for memory in agent.memories)


def test_a_ban_holds_until_its_time_and_not_a_moment_longer() -> None:
    life = after(Life(), [said(BanCategory, 0, "jazz", until=100)])
    assert constraints_at(life, 99.9).banned_categories == ("jazz",)
    assert constraints_at(life, 100) == Constraints()


def test_a_list_follows_the_plan_without_what_has_ended() -> None:
    life = after(Life(), [said(PinItem, 0, "jazz-1", until=100), said(BanItem, 1, "folk-1")])
    plan = agent_at(life.agent, USER, START + 100).plan
    assert plan is not None
    assert plan.constraints == Constraints(banned_items=("folk-1",))  # type: ignore[arg-type]


def test_what_a_ban_outranked_is_believed_again_after_it() -> None:
    life = after(Life(), [event(Click, 0, "jazz-1"), said(BanCategory, 1, "jazz", until=100)])
    assert active(life.agent) == [("bans", "jazz")]
    assert active(agent_at(life.agent, USER, START + 100)) == [("likes", "jazz")]


def test_the_first_event_after_it_forgets_it_and_says_so() -> None:
    life = after(Life(), [said(BanCategory, 0, "jazz", until=100), event(Click, 200, "folk-1")])
    assert life.agent.constraints == Constraints()
    [ended] = [memory for memory in life.last.memories if memory.predicate == "bans"]
    assert ended.recorded_to == START + 200


def test_the_newest_statement_says_when_a_ban_ends() -> None:
    longer = after(Life(), [said(BanCategory, 0, "jazz", until=100), said(BanCategory, 1, "jazz")])
    assert constraints_at(longer, 1e6).banned_categories == ("jazz",)
    shorter = after(Life(), [said(BanCategory, 0, "jazz"), said(BanCategory, 1, "jazz", until=100)])
    assert constraints_at(shorter, 100) == Constraints()
    late = after(Life(), [said(BanCategory, 5, "jazz"), said(BanCategory, 1, "jazz", until=100)])
    assert constraints_at(late, 100).banned_categories == ("jazz",)


def test_a_statement_that_arrives_after_its_end_changes_nothing() -> None:
    life = after(Life(), [event(Click, 500, "jazz-1"), said(BanCategory, 0, "jazz", until=100)])
    assert active(life.agent) == [("likes", "jazz")]


def test_undo_takes_back_all_that_the_newest_instruction_said_and_what_held_before_holds_again() -> None:
    ban, more = said(BanCategory, 0, "jazz"), said(MoreOf, 10, "jazz")
    life = after(Life(), [ban, more])
    assert active(life.agent) == [("wants-more", "jazz")]
    undone = after(life, [Undo(event_id=EventId("u1"), user_id=USER, event_time=START + 20)])
    assert active(undone.agent) == [("bans", "jazz")]
    assert undone.agent.constraints.banned_categories == ("jazz",)
    twice = after(undone, [Undo(event_id=EventId("u2"), user_id=USER, event_time=START + 30)])
    assert (active(twice.agent), twice.agent.constraints) == ([], Constraints())
    assert after(twice, [Undo(event_id=EventId("u3"), user_id=USER, event_time=START + 40)]).agent.memories == ()


TIMES = st.integers(0, 300)
STATEMENTS = st.builds(
    said,
    st.sampled_from([BanCategory, MoreOf]),
    TIMES,
    st.sampled_from(["jazz", "folk"]),
    st.one_of(st.none(), TIMES),
) | st.builds(said, st.just(Lift), TIMES, st.sampled_from(["jazz", "folk"]))


@given(st.lists(STATEMENTS, max_size=8), TIMES)
def test_what_a_list_follows_is_what_an_event_at_that_time_leaves(statements: list[Instruction], at: int) -> None:
    life = after(Life(), sorted(statements, key=lambda one: one.event_time))
    now = max(at, *(one.event_time - START for one in statements)) if statements else at
    seen = agent_at(life.agent, USER, START + now)
    stored = after(life, [said(Lift, now, "nothing")]).agent
    assert (active(seen), seen.constraints) == (active(stored), stored.constraints)
