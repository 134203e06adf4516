"""What every plan and every list must pass, whoever wrote it. A check answers with reasons; no reason is a pass."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from agents.planning.plan import PlanningContext
from schemas.ids import ItemId, category_key
from schemas.plans import Constraints, Plan

INTENTS = 16
QUOTAS = 16
STEPS = 8
EXPLORATION = 0.5
WORDS = 200
"""The longest goal, step or category."""
HORIZON = 7 * 86_400.0


def check_plan(plan: Plan, situation: PlanningContext, *, categories: Collection[str] | None = None) -> tuple[str, ...]:
    """Why the plan must not be followed in this situation: none if it may.

    `categories` are those of the catalogue; without them, whether a category exists is not asked.
    """
    reasons = [reason for check in _CHECKS for reason in check(plan, situation)]
    if categories is not None:
        reasons += _check_categories(plan, categories)
    return tuple(reasons)


def check_standing(plan: Plan, situation: PlanningContext) -> tuple[str, ...]:
    """Why a plan that was accepted before must not be followed any longer: its time, or what was said meanwhile.

    Memories that it rested on may have faded since; it may be followed to its end without them.
    """
    return tuple(reason for check in _STANDING for reason in check(plan, situation))


def _check_owner(plan: Plan, situation: PlanningContext) -> Iterator[str]:
    if plan.user_id != situation.user_id:
        yield f"wrong-user: the plan is for {plan.user_id!r}, asked was one for {situation.user_id!r}"
    if plan.state_version > situation.state_version:
        yield f"unknown-state: version {plan.state_version!r} is ahead of {situation.state_version!r}"


def _check_time(plan: Plan, situation: PlanningContext) -> Iterator[str]:
    if not plan.made_at <= situation.now < plan.expires_at:
        yield f"expired: valid from {plan.made_at!r} until {plan.expires_at!r}, it is {situation.now!r}"
    if plan.expires_at - plan.made_at > HORIZON:
        yield f"horizon: {plan.expires_at - plan.made_at!r} seconds, at most {HORIZON!r}"


def _check_size(plan: Plan, situation: PlanningContext) -> Iterator[str]:
    del situation
    for name, parts, limit in (
        ("intents", plan.intents, INTENTS),
        ("quotas", plan.quotas, QUOTAS),
        ("steps", plan.steps, STEPS),
    ):
        if len(parts) > limit:
            yield f"too-many: {len(parts)} {name}, at most {limit}"
    if any(len(text) > WORDS for text in (plan.goal, *plan.steps, *(intent.category for intent in plan.intents))):
        yield f"too-long: goal, steps and categories have at most {WORDS} characters"


def _check_intents(plan: Plan, situation: PlanningContext) -> Iterator[str]:
    for intent in plan.intents:
        if not -1.0 <= intent.weight <= 1.0 or not 0.0 <= intent.confidence <= 1.0:
            yield f"out-of-range: {intent.category!r} weighs {intent.weight!r}, sure to {intent.confidence!r}"
        if intent.weight > 0.0 and intent.category in situation.constraints.banned_categories:
            yield f"banned: {intent.category!r} is wanted by the plan and banned by the person"
    if not 0.0 <= plan.exploration <= EXPLORATION:
        yield f"out-of-range: exploration {plan.exploration!r}, at most {EXPLORATION!r}"


def _check_quotas(plan: Plan, situation: PlanningContext) -> Iterator[str]:
    wanted = sum(quota.at_least for quota in plan.quotas)
    if wanted + len(plan.constraints.pinned_items) > max(situation.slate_size, len(plan.constraints.pinned_items)):
        yield f"unsatisfiable: quotas and pins want more than {situation.slate_size!r} places"
    for quota in plan.quotas:
        if quota.at_least < 0 or (quota.at_most is not None and quota.at_most < quota.at_least):
            yield f"unsatisfiable: {quota.category!r} at least {quota.at_least!r}, at most {quota.at_most!r}"
        if quota.at_least > 0 and quota.category in situation.constraints.banned_categories:
            yield f"banned: {quota.category!r} has a quota and is banned by the person"


def _check_constraints(plan: Plan, situation: PlanningContext) -> Iterator[str]:
    said, kept = situation.constraints, plan.constraints
    for name, missing in (
        ("banned items", set(said.banned_items) - set(kept.banned_items)),
        ("banned categories", set(said.banned_categories) - set(kept.banned_categories)),
        ("pinned items", set(said.pinned_items) - set(kept.pinned_items)),
    ):
        if missing:
            yield f"disobeys: {name} {sorted(missing)!r} are missing from the plan's constraints"
    for item in set(kept.pinned_items) & set(kept.banned_items):
        yield f"unsatisfiable: {item!r} is pinned and banned"


def _check_evidence(plan: Plan, situation: PlanningContext) -> Iterator[str]:
    held = {memory.memory_id for memory in situation.memories}
    named = {intent.memory_id for intent in plan.intents if intent.memory_id is not None} | set(plan.evidence)
    for missing in sorted(named - held):
        yield f"no-evidence: memory {missing!r} is not held"


_Check = Callable[[Plan, PlanningContext], Iterable[str]]
_STANDING: tuple[_Check, ...] = (_check_owner, _check_time, _check_intents, _check_quotas, _check_constraints)
_CHECKS: tuple[_Check, ...] = (*_STANDING, _check_size, _check_evidence)


def _check_categories(plan: Plan, categories: Collection[str]) -> Iterator[str]:
    named = [intent.category for intent in plan.intents] + [quota.category for quota in plan.quotas]
    for name in dict.fromkeys(named):
        if name not in categories:
            yield f"unknown-category: {name!r} is not in the catalogue"


Fault = Literal["unavailable", "banned-item", "banned-category", "twice", "pin-missing"]


class Violation(Struct, frozen=True):
    """What a list does wrong with this item."""

    item_id: ItemId
    reason: Fault


def check_slate(
    items: Sequence[ItemId], constraints: Constraints, available: Mapping[ItemId, Sequence[str]]
) -> tuple[Violation, ...]:
    """What is wrong with a list: none if it may be published.

    `available` gives the categories of each item that may be shown now; an item that it lacks is withdrawn or unknown.
    It needs to cover the list and the pinned items only.

    >>> check_slate([ItemId("i1")], Constraints(banned_categories=("war",)), {ItemId("i1"): ("war",)})
    (Violation(item_id='i1', reason='banned-category'),)
    """
    found: list[Violation] = []
    banned = _banned(constraints)
    for place, item in enumerate(items):
        reason = _fault(item, constraints, banned, available)
        if reason is None and item in items[:place]:
            reason = "twice"
        if reason is not None:
            found.append(Violation(item, reason))
    for pinned in constraints.pinned_items:
        item = ItemId(pinned)
        if item not in items and _fault(item, constraints, banned, available) is None:
            found.append(Violation(item, "pin-missing"))
    return tuple(found)


def _banned(constraints: Constraints) -> frozenset[str]:
    """The banned categories, by what all spellings of each have in common."""
    return frozenset(map(category_key, constraints.banned_categories))


def _fault(
    item: ItemId, constraints: Constraints, banned: frozenset[str], available: Mapping[ItemId, Sequence[str]]
) -> Fault | None:
    if item not in available:
        return "unavailable"
    if item in constraints.banned_items:
        return "banned-item"
    if banned and not banned.isdisjoint(map(category_key, available[item])):
        return "banned-category"
    return None


def strike(
    items: Sequence[ItemId], constraints: Constraints, available: Mapping[ItemId, Sequence[str]]
) -> tuple[ItemId, ...]:
    """The list without what `check_slate` objects to, in the same order, each item once.

    >>> strike([ItemId("i1"), ItemId("i2"), ItemId("i2")], Constraints(), {ItemId("i2"): ()})
    ('i2',)
    """
    banned = _banned(constraints)
    return tuple(item for item in dict.fromkeys(items) if _fault(item, constraints, banned, available) is None)
