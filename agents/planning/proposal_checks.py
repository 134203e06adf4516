"""Checks that a plan of a planner outside the worker must pass beside those of every plan (`guardrails`).

Such a planner may have read texts that others wrote, or be wrong, late or taken over. So it may only weigh what is
remembered of the user: it adds no category and no item, lifts no limit, explores no more and lasts no longer than the
plan that it answers. Its words are shown to people, and are plain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec.structs import replace

from agents.memory.record import AGAINST, FOR, confidence, is_conditional
from agents.planning.guardrails import check_plan
from agents.planning.plan import PlanningContext
from schemas.ids import category_key
from schemas.memories import Memory
from schemas.plans import Intent, Plan, PlanProposal

MAX_PLAIN_LENGTH = 120
"""Characters of a goal or a step in plain words."""
_PLAIN = re.compile(r"[^\W\d_](?:[^\W_]|[ ,;'-]|[.!?](?= |$))*")
_ADDRESS = re.compile(r"\b(?:https?|www)\b", re.IGNORECASE)


def is_plain(text: str) -> bool:
    """Return whether a text is words and simple punctuation alone: no address, no code, no markup.

    >>> is_plain("Follow the new taste, gently."), is_plain(""), is_plain("see evil.example/x"), is_plain("<b>now</b>")
    (True, True, False, False)
    """
    return not text or (
        len(text) <= MAX_PLAIN_LENGTH and _PLAIN.fullmatch(text) is not None and _ADDRESS.search(text) is None
    )


def settled(proposal: PlanProposal, current: Plan | None, context: PlanningContext) -> Plan:
    """Return the proposed plan under the user's statements and goals of now, with the candidates of the `current` plan,
    as sure of each memory as the memory itself is.
    """
    memories = {memory.memory_id: memory for memory in context.memories}
    intents = tuple(
        replace(intent, confidence=confidence(memories[intent.memory_id], context.now))
        if intent.memory_id in memories
        else intent
        for intent in proposal.plan.intents
    )
    candidates = current.candidates if current else ()
    return replace(
        proposal.plan, constraints=context.constraints, goals=context.goals, candidates=candidates, intents=intents
    )


def check_proposal(
    plan: Plan, proposal: PlanProposal, current: Plan | None, context: PlanningContext
) -> tuple[str, ...]:
    """Return the violations of a settled proposal, none if it may be followed instead of the `current` plan."""
    if current is None or current.plan_id != proposal.answers:
        followed = repr(current.plan_id) if current else "none"
        return (f"superseded: it answers plan {proposal.answers!r}, and {followed} is followed now",)
    plain = [f"not-plain: {text!r}" for text in (plan.goal, *plan.steps) if not is_plain(text)]
    return (
        *check_plan(plan, context),
        *_check_bounds(plan, proposal, current, context),
        *_check_support(plan, current, context),
        *plain,
    )


def _check_bounds(plan: Plan, proposal: PlanProposal, current: Plan, context: PlanningContext) -> Iterator[str]:
    if context.now > proposal.deadline:
        yield f"late: the deadline was {proposal.deadline!r}, it is {context.now!r}"
    if plan.plan_id == current.plan_id:
        yield f"not-new: plan {plan.plan_id!r} is followed already"
    if plan.expires_at > current.expires_at:
        yield f"horizon: until {plan.expires_at!r}, and the plan that it answers ends at {current.expires_at!r}"
    if plan.exploration > current.exploration:
        yield f"out-of-range: exploration {plan.exploration!r}, at most {current.exploration!r}"
    total = sum(abs(intent.weight) for intent in plan.intents)
    if total > 1.0 + 1e-9:
        yield f"out-of-range: weights of intents sum to {total!r}, at most 1"


def _check_support(plan: Plan, current: Plan, context: PlanningContext) -> Iterator[str]:
    memories = {memory.memory_id: memory for memory in context.memories}
    for intent in plan.intents:
        if intent.weight and not _supports(memories.get(intent.memory_id) if intent.memory_id else None, intent):
            yield f"unsupported: no memory speaks for weighing {intent.category!r} by {intent.weight!r}"
    for quota in plan.quotas:
        if quota not in current.quotas:
            yield f"unsupported: {quota!r} is no quota of the plan that it answers"


def _supports(memory: Memory | None, intent: Intent) -> bool:
    """Return whether a memory is of the intent's category, and speaks for it or against it as the intent does.

    A consolidated one does not: its parts do. Nor does a decision that holds on a condition: its rule does.
    """
    if memory is None or memory.parts or is_conditional(memory) or memory.subject != "category":
        return False
    if category_key(memory.value) != category_key(intent.category):
        return False
    return memory.predicate in (FOR if intent.weight > 0.0 else AGAINST)
