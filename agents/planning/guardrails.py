"""Checks that every plan and every list of a user must pass, whoever made it.

A check returns violations; none is a pass.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from agents.planning.plan import PlanningContext, banned_keys
from features.decay import DAY
from features.item_rules import ItemRules, NamedAttributes, StatedFault
from schemas.ids import ItemId, category_key
from schemas.plans import Constraints, Plan

MAX_INTENTS = 16
MAX_QUOTAS = 16
MAX_PLAN_STEPS = 8
MAX_CANDIDATES = 16
MAX_EXPLORATION = 0.5
MAX_TEXT_LENGTH = 200
"""The longest goal, step or category, in characters."""
MAX_HORIZON = 7 * DAY


def check_plan(plan: Plan, context: PlanningContext, *, categories: Collection[str] | None = None) -> tuple[str, ...]:
    """Return the violations of a proposed plan in this context, none if it may be followed.

    `categories` are those of the catalogue; without them it is not checked that categories exist.
    """
    reasons = [reason for check in _CHECKS for reason in check(plan, context)]
    if categories is not None:
        reasons += _check_categories(plan, categories)
    return tuple(reasons)


def check_current_plan(plan: Plan, context: PlanningContext) -> tuple[str, ...]:
    """Return why a plan that was accepted before must end: it has expired, or breaks newer instructions.

    Memories that it rests on may have faded since; it may be followed to its end without them.
    """
    return tuple(reason for check in _CURRENT_CHECKS for reason in check(plan, context))


def _check_owner(plan: Plan, context: PlanningContext) -> Iterator[str]:
    if plan.user_id != context.user_id:
        yield f"wrong-user: the plan is for {plan.user_id!r}, not for {context.user_id!r}"
    if plan.state_version > context.state_version:
        yield f"unknown-state: version {plan.state_version!r} is ahead of {context.state_version!r}"


def _check_time(plan: Plan, context: PlanningContext) -> Iterator[str]:
    if not plan.made_at <= context.now < plan.expires_at:
        yield f"expired: valid from {plan.made_at!r} until {plan.expires_at!r}, it is {context.now!r}"
    if plan.expires_at - plan.made_at > MAX_HORIZON:
        yield f"horizon: {plan.expires_at - plan.made_at!r} seconds, at most {MAX_HORIZON!r}"


def _check_size(plan: Plan, context: PlanningContext) -> Iterator[str]:
    del context
    for name, parts, limit in (
        ("intents", plan.intents, MAX_INTENTS),
        ("quotas", plan.quotas, MAX_QUOTAS),
        ("steps", plan.steps, MAX_PLAN_STEPS),
        ("candidates", plan.candidates, MAX_CANDIDATES),
    ):
        if len(parts) > limit:
            yield f"too-many: {len(parts)} {name}, at most {limit}"
    if any(
        len(text) > MAX_TEXT_LENGTH for text in (plan.goal, *plan.steps, *(intent.category for intent in plan.intents))
    ):
        yield f"too-long: goal, steps and categories have at most {MAX_TEXT_LENGTH} characters"


def _check_intents(plan: Plan, context: PlanningContext) -> Iterator[str]:
    banned = banned_keys(context.constraints)
    for intent in plan.intents:
        if not -1.0 <= intent.weight <= 1.0 or not 0.0 <= intent.confidence <= 1.0:
            yield f"out-of-range: {intent.category!r} weighs {intent.weight!r}, sure to {intent.confidence!r}"
        if intent.weight > 0.0 and category_key(intent.category) in banned:
            yield f"banned: {intent.category!r} is wanted by the plan and banned by the user"
    if not 0.0 <= plan.exploration <= MAX_EXPLORATION:
        yield f"out-of-range: exploration {plan.exploration!r}, at most {MAX_EXPLORATION!r}"


def _check_quotas(plan: Plan, context: PlanningContext) -> Iterator[str]:
    banned = banned_keys(context.constraints)
    required = sum(quota.at_least for quota in plan.quotas)
    if required + len(plan.constraints.pinned_items) > max(context.slate_size, len(plan.constraints.pinned_items)):
        yield f"unsatisfiable: quotas and pins require more than {context.slate_size!r} slots"
    for quota in plan.quotas:
        if quota.at_least < 0 or (quota.at_most is not None and quota.at_most < quota.at_least):
            yield f"unsatisfiable: {quota.category!r} at least {quota.at_least!r}, at most {quota.at_most!r}"
        if quota.at_least > 0 and category_key(quota.category) in banned:
            yield f"banned: {quota.category!r} has a quota and is banned by the user"


def _check_constraints(plan: Plan, context: PlanningContext) -> Iterator[str]:
    stated, planned = context.constraints, plan.constraints
    for name, missing in (
        ("banned items", set(stated.banned_items) - set(planned.banned_items)),
        ("banned categories", set(stated.banned_categories) - set(planned.banned_categories)),
        ("pinned items", set(stated.pinned_items) - set(planned.pinned_items)),
    ):
        if missing:
            yield f"disobeys: {name} {sorted(missing)!r} are missing from the plan's constraints"
    if not set(stated.rules) <= set(planned.rules):
        yield "disobeys: rules that hold on a condition are missing from the plan's constraints"
    others = set(planned.only_categories) - set(stated.only_categories)
    if stated.only_categories and (others or not planned.only_categories):
        yield f"disobeys: only {list(stated.only_categories)!r} are wanted, not {list(planned.only_categories)!r}"
    for limit in stated.limits:
        if limit not in planned.limits:
            yield f"disobeys: {limit!r} is missing from the plan's constraints"
    for item in set(planned.pinned_items) & set(planned.banned_items):
        yield f"unsatisfiable: {item!r} is pinned and banned"


def _check_candidates(plan: Plan, context: PlanningContext) -> Iterator[str]:
    for item in sorted(set(plan.candidates) & set(context.constraints.banned_items)):
        yield f"banned: {item!r} is a candidate of the plan and banned by the user"


def _check_evidence(plan: Plan, context: PlanningContext) -> Iterator[str]:
    available = {memory.memory_id for memory in context.memories}
    named = {intent.memory_id for intent in plan.intents if intent.memory_id is not None} | set(plan.evidence)
    for missing in sorted(named - available):
        yield f"no-evidence: memory {missing!r} is not held"


_Check = Callable[[Plan, PlanningContext], Iterable[str]]
_CURRENT_CHECKS: tuple[_Check, ...] = (
    _check_owner,
    _check_time,
    _check_intents,
    _check_quotas,
    _check_constraints,
    _check_candidates,
)
_CHECKS: tuple[_Check, ...] = (*_CURRENT_CHECKS, _check_size, _check_evidence)


def _check_categories(plan: Plan, categories: Collection[str]) -> Iterator[str]:
    named = [intent.category for intent in plan.intents] + [quota.category for quota in plan.quotas]
    for name in dict.fromkeys(named):
        if name not in categories:
            yield f"unknown-category: {name!r} is not in the catalogue"


ItemAttributes = Mapping[ItemId, NamedAttributes]
"""The named attributes of items."""
NO_ATTRIBUTES: ItemAttributes = {}
Fault = Literal[StatedFault, "unavailable", "beyond-limit", "twice", "pin-missing"]


class Violation(Struct, frozen=True):
    """The item of a list and the rule that it breaks."""

    item_id: ItemId
    reason: Fault


def check_slate(
    items: Sequence[ItemId],
    constraints: Constraints,
    available: Mapping[ItemId, Sequence[str]],
    beyond: Collection[ItemId] = (),
    attributes: ItemAttributes = NO_ATTRIBUTES,
) -> tuple[Violation, ...]:
    """Return the violations of a list, none if it may be published.

    `available` maps each item that may be shown now to its categories; an item that it lacks is withdrawn or unknown.
    It needs to cover the list and the pinned items only, and so do `beyond`, the items that do not keep the limits, and
    the `attributes` of items, which matter to rules with exceptions.

    >>> check_slate([ItemId("i1")], Constraints(banned_categories=("war",)), {ItemId("i1"): ("war",)})
    (Violation(item_id='i1', reason='banned-category'),)
    """
    violations: list[Violation] = []
    fault_of = _Faults(constraints, available, beyond, attributes)
    for rank, item in enumerate(items):
        reason = fault_of(item)
        if reason is None and item in items[:rank]:
            reason = "twice"
        if reason is not None:
            violations.append(Violation(item, reason))
    for pinned in constraints.pinned_items:
        item = ItemId(pinned)
        if item not in items and fault_of(item) is None:
            violations.append(Violation(item, "pin-missing"))
    return tuple(violations)


class _Faults:
    """Finds what is wrong with an item, whatever the rest of the list."""

    def __init__(
        self,
        constraints: Constraints,
        available: Mapping[ItemId, Sequence[str]],
        beyond: Collection[ItemId],
        attributes: ItemAttributes,
    ) -> None:
        self._rules = ItemRules(constraints)
        self._available = available
        self._beyond = beyond
        self._attributes = attributes

    def __call__(self, item: ItemId) -> Fault | None:
        if item not in self._available:
            return "unavailable"
        fault = self._rules.fault(item, self._available[item], self._attributes.get(item, ()))
        return fault or ("beyond-limit" if item in self._beyond else None)


def strike(
    items: Sequence[ItemId],
    constraints: Constraints,
    available: Mapping[ItemId, Sequence[str]],
    beyond: Collection[ItemId] = (),
    attributes: ItemAttributes = NO_ATTRIBUTES,
) -> tuple[ItemId, ...]:
    """Return the list without the items that `check_slate` objects to, in the same order, each item once.

    >>> strike([ItemId("i1"), ItemId("i2"), ItemId("i2")], Constraints(), {ItemId("i2"): ()})
    ('i2',)
    """
    fault_of = _Faults(constraints, available, beyond, attributes)
    return tuple(item for item in dict.fromkeys(items) if fault_of(item) is None)
