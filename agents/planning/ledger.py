"""The fate of a plan: accepted, rejected, superseded or expired, each with a line in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from agents.planning.guardrails import check_current_plan, check_plan
from agents.planning.plan import PlanningContext, last_resort
from schemas.instructions import Approve, Instruction, Reject
from schemas.plans import Plan, PlanEntry

BY_THE_USER = "rejected-by-user: the user did not want it"
Decision = Literal["accepted", "rejected", "superseded", "expired", "proposed"]


class PlanChoice(Struct, frozen=True):
    """The plan to follow from now on, the ledger lines that say why, and the plan that waits for approval, if any."""

    plan: Plan | None
    entries: tuple[PlanEntry, ...] = ()
    proposal: Plan | None = None


def enter(plan: Plan, decision: Decision, context: PlanningContext, violations: tuple[str, ...] = ()) -> PlanEntry:
    """Return a ledger line. Its id follows from source record, decision and plan; the caller fills in the cost."""
    name = f"{context.cause}|{decision}|{plan.plan_id}"
    return PlanEntry(
        entry_id=blake2b(name.encode(), digest_size=12).hexdigest(),
        user_id=context.user_id,
        plan=plan,
        decision=decision,
        trigger=context.trigger,
        trigger_event_ids=(context.event_id,),
        violations=violations,
        event_time=context.now,
    )


def choose_plan(current: Plan | None, proposed: Plan, context: PlanningContext) -> PlanChoice:
    """Follow the proposed plan if it passes the guardrails, else the current one if that does, else the last resort."""
    violations = check_plan(proposed, context)
    if not violations:
        return _adopt(current, proposed, context)
    rejected = enter(proposed, "rejected", context, violations)
    if current is not None and not check_current_plan(current, context):
        return PlanChoice(current, (rejected,))
    adopted = _adopt(current, last_resort(context), context)
    return PlanChoice(adopted.plan, (rejected, *adopted.entries))


def _adopt(current: Plan | None, plan: Plan, context: PlanningContext) -> PlanChoice:
    accepted = enter(plan, "accepted", context)
    if current is None:
        return PlanChoice(plan, (accepted,))
    return PlanChoice(plan, (enter(current, _ending(current, context.now), context), accepted))


def put_forward(current: Plan | None, earlier: Plan | None, proposed: Plan, context: PlanningContext) -> PlanChoice:
    """Keep to the current plan; let a proposed one that passes the guardrails wait for the user, not the `earlier`."""
    kept = lapse(current, context)
    violations = check_plan(proposed, context)
    if violations:
        return PlanChoice(kept.plan, (*kept.entries, enter(proposed, "rejected", context, violations)), earlier)
    ended = (enter(earlier, _ending(earlier, context.now), context),) if earlier else ()
    return PlanChoice(kept.plan, (*kept.entries, *ended, enter(proposed, "proposed", context)), proposed)


def decide(
    current: Plan | None, proposal: Plan | None, statements: Sequence[Instruction], context: PlanningContext
) -> PlanChoice | None:
    """Return what becomes of a proposal that the user approves or rejects; none if they decide nothing about it.

    An approved plan is checked again, under the constraints of now.
    """
    if proposal is None:
        return None
    for statement in statements:
        match statement:
            case Approve(proposal=named) if named in ("", proposal.plan_id):
                return choose_plan(current, replace(proposal, constraints=context.constraints), context)
            case Reject(proposal=named) if named in ("", proposal.plan_id):
                kept = lapse(current, context)
                return PlanChoice(kept.plan, (*kept.entries, enter(proposal, "rejected", context, (BY_THE_USER,))))
    return None


def abandon(current: Plan | None, proposal: Plan | None, context: PlanningContext) -> PlanChoice:
    """Follow no plan, and propose none."""
    plans = [plan for plan in (current, proposal) if plan is not None]
    return PlanChoice(None, tuple(enter(plan, _ending(plan, context.now), context) for plan in plans))


def lapse(current: Plan | None, context: PlanningContext) -> PlanChoice:
    """Keep the current plan, under the constraints of now, unless it has expired."""
    if current is None:
        return PlanChoice(None)
    if context.now < current.expires_at:
        constraints = context.constraints
        return PlanChoice(current if current.constraints == constraints else replace(current, constraints=constraints))
    return PlanChoice(None, (enter(current, "expired", context),))


def _ending(plan: Plan, now: float) -> Decision:
    return "expired" if now >= plan.expires_at else "superseded"
