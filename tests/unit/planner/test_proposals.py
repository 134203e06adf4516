"""What a planner outside the worker may propose: hostile plans are refused with the reason, and nothing changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from agents.agent_state import AgentState, apply_event, apply_instruction
from agents.proposals import PLAN_BYTES, judge
from features.user_state import UserState, fold
from schemas.codec import encode
from schemas.ids import EventId, MemoryId, PlanId, UserId
from schemas.instructions import BanCategory
from schemas.plans import Constraints, Intent, Plan, PlanProposal, Quota
from schemas.topics import PLAN_PROPOSALS, PLANS, RECOMMENDATIONS
from tests.builders import START, click, event_id, make_runner, send_event, small_catalogue

ANN = UserId("ann")
Change = Callable[[Plan], Plan]


def at_work() -> tuple[AgentState, UserState]:
    """An agent that follows a plan of the rules for a user who likes war and jazz, and bans drama."""
    agent, state = AgentState(), UserState(user_id=ANN)
    for number, category in enumerate(("war", "jazz")):
        event = click("ann", f"{category}-0", at=float(number))
        after = fold(state, event)
        step = apply_event(agent, state, after, event, (category,), event_source_id=f"e{number}")
        agent, state = step.agent, after
    ban = BanCategory(event_id=event_id(), user_id=ANN, event_time=START + 2, category="drama")
    return apply_instruction(agent, state, state, ban, event_source_id="ban").agent, replace(state, last_at=START + 2)


AGENT, STATE = at_work()
MEMORY: dict[str, MemoryId] = {memory.value: memory.memory_id for memory in AGENT.memories}


def intent(category: str, weight: float = 0.5, memory: str = "") -> Intent:
    held = MemoryId(memory) if memory else MEMORY.get(category)
    return Intent(category=category, weight=weight, confidence=0.9, memory_id=held)


def proposed(change: Change = lambda plan: plan, **more: Any) -> PlanProposal:
    """A proposal that fits, changed."""
    assert AGENT.plan is not None
    plan = replace(AGENT.plan, plan_id=PlanId("p"), author="llm", goal="Go on", intents=(intent("war"), intent("jazz")))
    given: dict[str, Any] = {
        "user_id": ANN,
        "event_time": START + 2,
        "plan": change(plan),
        "answers": AGENT.plan.plan_id,
        "deadline": START + 60,
        "trigger": "instruction",
        "trigger_event_id": EventId("e"),
    }
    return PlanProposal(**given | more)


def judged(proposal: PlanProposal, agent: AgentState = AGENT, state: UserState = STATE) -> Any:
    return judge(agent, state, proposal, event_source_id="s", slate_size=10)


def test_a_plan_that_weighs_memories_is_followed_as_sure_as_they_are() -> None:
    step = judged(proposed())
    plan = step.agent.plan
    assert [entry.decision for entry in step.entries] == ["superseded", "accepted"]
    assert {each.category: each.weight for each in plan.intents} == {"war": 0.5, "jazz": 0.5}
    assert all(each.confidence < 0.9 for each in plan.intents), "the proposal's own confidence does not count"
    assert plan.constraints.banned_categories == ("drama",)


def test_the_users_statements_hold_whatever_the_proposal_says() -> None:
    loose = proposed(lambda plan: replace(plan, constraints=Constraints(pinned_items=("evil-1",))))
    assert judged(loose).agent.plan.constraints == AGENT.constraints


HOSTILE: dict[str, tuple[PlanProposal, str]] = {
    "a category without a memory": (proposed(lambda p: replace(p, intents=(intent("evil"),))), "unsupported"),
    "a category with another's memory": (
        proposed(lambda p: replace(p, intents=(intent("evil", memory=MEMORY["war"]),))),
        "unsupported",
    ),
    "a memory that is not held": (proposed(lambda p: replace(p, intents=(intent("war", memory="x"),))), "no-evidence"),
    "a banned category": (proposed(lambda p: replace(p, intents=(intent("drama"),))), "banned"),
    "a liked category avoided": (proposed(lambda p: replace(p, intents=(intent("war", -0.5),))), "unsupported"),
    "too much of everything": (
        proposed(lambda p: replace(p, intents=(intent("war", 1.0), intent("jazz", 1.0)))),
        "out-of-range",
    ),
    "a quota": (proposed(lambda p: replace(p, quotas=(Quota(category="evil", at_least=5),))), "unsupported"),
    "a hidden ban": (proposed(lambda p: replace(p, quotas=(Quota(category="jazz", at_most=0),))), "unsupported"),
    "exploration": (proposed(lambda p: replace(p, exploration=0.5)), "out-of-range"),
    "forever": (proposed(lambda p: replace(p, expires_at=p.expires_at + 1)), "horizon"),
    "from the future": (proposed(lambda p: replace(p, made_at=START + 1e9, expires_at=START + 2e9)), "expired"),
    "of a state that is not yet": (proposed(lambda p: replace(p, state_version=999)), "unknown-state"),
    "another user's": (proposed(lambda p: replace(p, user_id=UserId("bob"))), "wrong-user"),
    "an address as goal": (proposed(lambda p: replace(p, goal="visit http://evil.example")), "not-plain"),
    "a script as step": (proposed(lambda p: replace(p, steps=("<script>",))), "not-plain"),
    "hidden letters": (proposed(lambda p: replace(p, goal="Go\u200b on")), "not-plain"),
    "a great many words": (proposed(lambda p: replace(p, goal="x" * PLAN_BYTES)), "too-large"),
    "in the name of the rules": (proposed(lambda p: replace(p, author="rules")), "wrong-author"),
    "an answer to another plan": (proposed(answers=PlanId("x")), "superseded"),
    "too late": (proposed(deadline=START + 1), "late"),
    "the plan that is followed": (proposed(lambda p: replace(p, plan_id=AGENT.plan.plan_id)), "not-new"),  # type: ignore[union-attr]
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_plan_is_refused_and_nothing_changes(name: str) -> None:
    proposal, reason = HOSTILE[name]
    step = judged(proposal)
    assert step.agent == AGENT
    [entry] = step.entries
    assert (entry.decision, reason in {each.split(":")[0] for each in entry.violations}) == ("rejected", True)
    assert len(encode(entry)) < PLAN_BYTES + 10_000


def test_of_a_user_without_plan_or_state_nothing_is_made_up() -> None:
    runner = make_runner()
    small_catalogue(runner)
    send_event(runner, proposed(), PLAN_PROPOSALS)
    assert [len(runner.log.records(topic)) for topic in (RECOMMENDATIONS, PLANS)] == [0, 0]
    assert judged(proposed(), AgentState(), UserState(user_id=ANN)).agent == AgentState()


def test_a_refused_proposal_publishes_no_list_and_is_repeated_without_effect() -> None:
    runner = make_runner()
    small_catalogue(runner)
    send_event(runner, click("ann", "war-0"))
    lists = len(runner.log.records(RECOMMENDATIONS))
    for _ in range(2):
        send_event(runner, proposed(), PLAN_PROPOSALS)
    assert len(runner.log.records(RECOMMENDATIONS)) == lists
