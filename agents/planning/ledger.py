"""The fate of a plan: accepted, rejected, superseded or expired, each with a line in the ledger."""

from __future__ import annotations

from hashlib import blake2b
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from agents.planning.guardrails import check_current_plan, check_plan
from agents.planning.plan import PlanningContext, last_resort
from schemas.plans import Plan, PlanEntry

Decision = Literal["accepted", "rejected", "superseded", "expired"]


class PlanChoice(Struct, frozen=True):
    """The plan to follow from now on, and the ledger lines that say why."""

    plan: Plan | None
    entries: tuple[PlanEntry, ...] = ()


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
