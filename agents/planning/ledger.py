"""What becomes of a plan: followed, refused, superseded or expired, each with a line in the ledger."""

from __future__ import annotations

from hashlib import blake2b
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from agents.planning.guardrails import check_plan, check_standing
from agents.planning.plan import PlanningContext, last_resort
from schemas.plans import Plan, PlanEntry

Decision = Literal["accepted", "rejected", "superseded", "expired"]


class Ruling(Struct, frozen=True):
    """The plan to follow from now on, and the lines that say why."""

    plan: Plan | None
    entries: tuple[PlanEntry, ...] = ()


def enter(plan: Plan, decision: Decision, situation: PlanningContext, violations: tuple[str, ...] = ()) -> PlanEntry:
    """One line. Its id follows from source record, decision and plan; the cost is the caller's to fill in."""
    name = f"{situation.cause}|{decision}|{plan.plan_id}"
    return PlanEntry(
        entry_id=blake2b(name.encode(), digest_size=12).hexdigest(),
        user_id=situation.user_id,
        plan=plan,
        decision=decision,
        trigger=situation.trigger,
        trigger_event_ids=(situation.event_id,),
        violations=violations,
        event_time=situation.now,
    )


def rule(current: Plan | None, proposed: Plan, situation: PlanningContext) -> Ruling:
    """Follow the proposed plan if it passes the guardrails, else the current one if that does, else the last resort."""
    violations = check_plan(proposed, situation)
    if not violations:
        return _adopt(current, proposed, situation)
    refused = enter(proposed, "rejected", situation, violations)
    if current is not None and not check_standing(current, situation):
        return Ruling(current, (refused,))
    adopted = _adopt(current, last_resort(situation), situation)
    return Ruling(adopted.plan, (refused, *adopted.entries))


def _adopt(current: Plan | None, plan: Plan, situation: PlanningContext) -> Ruling:
    accepted = enter(plan, "accepted", situation)
    if current is None:
        return Ruling(plan, (accepted,))
    return Ruling(plan, (enter(current, _ending(current, situation.now), situation), accepted))


def lapse(current: Plan | None, situation: PlanningContext) -> Ruling:
    """No new plan is made: the current one goes on under what was said meanwhile, unless its time is over."""
    if current is None:
        return Ruling(None)
    if situation.now < current.expires_at:
        said = situation.constraints
        return Ruling(current if current.constraints == said else replace(current, constraints=said))
    return Ruling(None, (enter(current, "expired", situation),))


def _ending(plan: Plan, now: float) -> Decision:
    return "expired" if now >= plan.expires_at else "superseded"
