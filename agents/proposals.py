"""What becomes of a plan that a planner outside the worker proposes: followed, put to the user, or refused."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from agents.agent_state import PROPOSING, RANK_ONLY, AgentState, AgentStep, planning_context
from agents.planning.ledger import PlanChoice, choose_plan, enter, put_forward
from agents.planning.plan import PlanningContext
from agents.planning.proposal_checks import check_proposal, settled
from agents.profile import profile_contexts
from features.user_state import UserState
from schemas.bounds import ID_LENGTH
from schemas.ids import PlanId
from schemas.interactions import Context
from schemas.plans import Plan, PlanEntry, PlanProposal

PLAN_BYTES = 20_000
"""A larger plan is followed by nobody, and its ledger line holds its id alone."""
OVERSIZED = "oversized"
DEFAULT_AUTHORS = frozenset({"rules", "last-resort"})
"""Who makes plans in the worker; every other author proposes them."""


def judge(
    agent: AgentState,
    state: UserState,
    proposal: PlanProposal,
    *,
    event_source_id: str,
    slate_size: int,
) -> AgentStep:
    """Judge a proposal by the user's state of now, whatever version it was made from; no trigger pays for it.

    1. the user's statements of now replace its constraints 2. it is checked like every plan, and as one from outside
    3. it is followed, or, at autonomy `PROPOSING`, waits for approval; refused, the plan of before goes on

    Its ledger line says what it cost.
    """
    proposal = replace(proposal, plan=bounded(proposal.plan))
    where = profile_contexts(state.last_at, Context())
    context = planning_context(agent, state, proposal.trigger_event_id, event_source_id, where, slate_size)
    context = replace(context, trigger=proposal.trigger)
    plan = settled(proposal, agent.plan, context)
    choice = _choice(agent, plan, proposal, context)
    entries = tuple(_costed(entry, plan.plan_id, proposal) for entry in choice.entries)
    kept = choice.proposal if agent.level("plans") == PROPOSING else agent.proposal
    return AgentStep(agent=replace(agent, plan=choice.plan, proposal=kept), entries=entries)


def _choice(agent: AgentState, plan: Plan, proposal: PlanProposal, context: PlanningContext) -> PlanChoice:
    violations = _violations(agent, plan, proposal, context)
    if violations:
        return PlanChoice(agent.plan, (enter(plan, "rejected", context, violations),), agent.proposal)
    if agent.level("plans") == PROPOSING:
        return put_forward(agent.plan, agent.proposal, plan, context)
    return choose_plan(agent.plan, plan, context)


def _violations(agent: AgentState, plan: Plan, proposal: PlanProposal, context: PlanningContext) -> tuple[str, ...]:
    if agent.level("plans") == RANK_ONLY:
        return ("autonomy: the user wants no plans",)
    if plan.author == OVERSIZED:
        return (f"too-large: a plan has {PLAN_BYTES} bytes at most",)
    if plan.author in DEFAULT_AUTHORS:
        return (f"wrong-author: {plan.author!r} proposes nothing",)
    return check_proposal(plan, proposal, agent.plan, context)


def bounded(plan: Plan) -> Plan:
    """Return the plan, or, if it is larger than any that may be followed, what the ledger can hold of it.

    >>> plan = Plan(plan_id="p", user_id="u", goal="x" * 100_000, made_at=0.0, expires_at=1.0)
    >>> bounded(plan).goal, bounded(plan).author
    ('', 'oversized')
    """
    if len(msgspec.json.encode(plan)) <= PLAN_BYTES:
        return plan
    plan_id = PlanId(plan.plan_id[:ID_LENGTH])
    made_at, expires_at = plan.made_at, plan.expires_at
    return Plan(
        plan_id=plan_id, user_id=plan.user_id, goal="", made_at=made_at, expires_at=expires_at, author=OVERSIZED
    )


def _costed(entry: PlanEntry, plan: PlanId, proposal: PlanProposal) -> PlanEntry:
    if entry.plan.plan_id != plan:
        return entry
    cost = proposal.cost
    return replace(entry, cost_ms=cost.seconds * 1_000.0, tokens=cost.tokens, money=cost.money)
