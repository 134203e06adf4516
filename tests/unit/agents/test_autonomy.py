"""How much an agent does by itself: nothing, what the user approves, or all of it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agents.agent_state import PROPOSING, RANK_ONLY
from schemas.ids import EventId
from schemas.instructions import Approve, BanCategory, Reject, SetAutonomy
from schemas.interactions import Click
from schemas.plans import Constraints
from tests.unit.agents.scenarios import START, USER, Life, after, believes, event


def told(kind: Any, at: float, **fields: Any) -> Any:
    """Return an instruction, given so many seconds after the start."""
    event_id = EventId(f"{kind.__name__}-{at}")
    return kind(event_id=event_id, user_id=USER, event_time=START + at, **fields)


def at_level(level: int, *more: Any) -> Life:
    return after(Life(), [told(SetAutonomy, 0, level=level), *more])


def decisions(life: Life) -> list[str]:
    return [entry.decision for step in life.steps for entry in step.entries]


def test_an_agent_that_only_ranks_plans_nothing_and_still_obeys() -> None:
    clicks = [event(Click, at, f"jazz-{at}") for at in (1, 2, 3)]
    life = at_level(RANK_ONLY, *clicks, told(BanCategory, 4, category="jazz"))
    assert (life.agent.plan, life.agent.proposal) == (None, None)
    assert life.agent.constraints == Constraints(banned_categories=("jazz",))
    assert believes(life, "bans", "jazz")


def test_a_plan_ends_when_the_user_takes_the_autonomy_away() -> None:
    planned = after(Life(), [event(Click, 0, "jazz-1")])
    assert planned.agent.plan is not None
    ended = after(planned, [told(SetAutonomy, 1, level=RANK_ONLY)])
    assert ended.agent.plan is None
    assert decisions(ended)[-1] == "superseded"


def test_a_plan_waits_for_approval_and_is_followed_from_then_on() -> None:
    waiting = after(at_level(PROPOSING), [event(Click, 3_600 * 24, "jazz-1")])
    proposal = waiting.agent.proposal
    assert proposal is not None
    assert waiting.agent.plan != proposal
    assert decisions(waiting)[-1] == "proposed"
    approved = after(waiting, [told(Approve, 3_600 * 24 + 1, proposal=proposal.plan_id)])
    assert (approved.agent.plan, approved.agent.proposal) == (proposal, None)
    assert decisions(approved)[-1] == "accepted"


def test_a_rejected_plan_is_never_followed() -> None:
    waiting = after(at_level(PROPOSING), [event(Click, 3_600 * 24, "jazz-1")])
    rejected = after(waiting, [told(Reject, 3_600 * 24 + 1)])
    assert (rejected.agent.plan, rejected.agent.proposal) == (waiting.agent.plan, None)
    assert rejected.last.entries[-1].violations == ("rejected-by-user: the user did not want it",)


def test_approval_of_something_else_changes_nothing() -> None:
    waiting = after(at_level(PROPOSING), [event(Click, 3_600 * 24, "jazz-1")])
    other = after(waiting, [told(Approve, 3_600 * 24 + 1, proposal="another")])
    assert (other.agent.plan, other.agent.proposal) == (waiting.agent.plan, waiting.agent.proposal)


def test_a_proposal_is_checked_again_and_obeys_what_was_said_meanwhile() -> None:
    waiting = after(at_level(PROPOSING), [event(Click, 3_600 * 24, "jazz-1")])
    banned = told(BanCategory, 3_600 * 24 + 1, category="jazz")
    approved = after(waiting, [banned, told(Approve, 3_600 * 24 + 2)])
    assert approved.agent.plan is not None
    assert approved.agent.plan.constraints == Constraints(banned_categories=("jazz",))
    assert all(intent.category != "jazz" for intent in approved.agent.plan.intents)


CHANGES = st.one_of(
    st.builds(lambda level: (SetAutonomy, {"level": level}), st.integers(0, 2)),
    st.just((Approve, {})),
    st.just((Reject, {})),
    st.builds(lambda name: (BanCategory, {"category": name}), st.sampled_from(["jazz", "folk"])),
    st.builds(lambda item: (Click, {"item_id": item}), st.sampled_from(["jazz-1", "folk-1", "rock-1"])),
)


@given(st.lists(CHANGES, max_size=12))
def test_no_level_of_autonomy_breaks_what_is_stated(changes: list[Any]) -> None:
    life = after(Life(), [told(kind, 4_000.0 * at, **fields) for at, (kind, fields) in enumerate(changes)])
    agent = life.agent
    if agent.plan is not None:
        assert agent.plan.constraints == agent.constraints
    if agent.autonomy == RANK_ONLY:
        assert (agent.plan, agent.proposal) == (None, None)
    if agent.autonomy != PROPOSING:
        assert agent.pending is None
