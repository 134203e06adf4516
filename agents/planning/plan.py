"""The planner's port, the context that it plans in, and the plan of last resort."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Literal, Protocol

from msgspec import Struct

from agents.memory.record import DECISION_PREDICATES, is_active, is_conditional
from agents.planning.budget import Cost
from agents.planning.new_items import NewItem
from agents.profile import Profile
from schemas.ids import EventId, ItemId, PlanId, UserId, category_key
from schemas.memories import Memory
from schemas.plans import ConditionalRule, Constraints, GoalProgress, Limit, Plan, TriggerName

DEFAULT_SLATE_SIZE = 10
"""How many slots plans compose for unless the caller says otherwise."""
LAST_RESORT_SECONDS = 3_600.0


class PlanningContext(Struct, frozen=True, kw_only=True):
    """All that a plan may be based on. `now` is event time; `cause` names the source record, and so the plan.

    `where` are the names of the present context, see `agents.profile.profile_contexts`. A `new_item` fits the user
    strongly, and `goals` are those that are not reached.
    """

    user_id: UserId
    now: float
    trigger: TriggerName
    event_id: EventId
    cause: str
    memories: tuple[Memory, ...] = ()
    dormant: tuple[Memory, ...] = ()
    profile: Profile = Profile()
    constraints: Constraints = Constraints()
    where: tuple[str, ...] = ()
    new_item: NewItem | None = None
    goals: tuple[GoalProgress, ...] = ()
    slate_size: int = DEFAULT_SLATE_SIZE
    state_version: int = 0


class Planner(Protocol):
    """Proposes plans. Never blocks, never raises, and proposes the same plan for the same context.

    Proposals are checked by `agents.planning.guardrails`, whoever made them. `cost` is what one proposal charges to the
    trigger's budget.
    """

    @property
    def cost(self) -> Cost: ...

    def propose(self, context: PlanningContext) -> Plan:
        """Propose a plan for this context."""
        ...


def plan_id(cause: str, author: str) -> PlanId:
    """Return the id of the plan that this author makes because of this source record: the same on every replay.

    >>> plan_id("c1", "rules") == plan_id("c1", "rules"), plan_id("c1", "rules") == plan_id("c2", "rules")
    (True, False)
    """
    return PlanId(blake2b(f"{cause}|plan|{author}".encode(), digest_size=12).hexdigest())


def banned_keys(constraints: Constraints) -> frozenset[str]:
    """Return the keys of the banned categories (`schemas.ids.category_key`), which all spellings of one share.

    >>> banned_keys(Constraints(banned_categories=("Sci-Fi",)))
    frozenset({'sci-fi'})
    """
    return frozenset(map(category_key, constraints.banned_categories))


def constraints_of(memories: Iterable[Memory]) -> Constraints:
    """Return the constraints that follow from the user's active decisions, the newest first.

    >>> constraints_of(())
    Constraints(banned_items=(), banned_categories=(), pinned_items=(), only_categories=(), limits=(), rules=())
    """
    decisions = [memory for memory in memories if memory.predicate in DECISION_PREDICATES and is_active(memory)]
    decisions.sort(key=lambda memory: (-memory.recorded_from, memory.memory_id))
    rules = tuple(_rule(memory) for memory in decisions if is_conditional(memory))
    decisions = [memory for memory in decisions if not is_conditional(memory)] if rules else decisions
    bans = [memory for memory in decisions if memory.predicate == "bans"]
    return Constraints(
        banned_items=tuple(ItemId(memory.value) for memory in bans if memory.subject == "item"),
        banned_categories=tuple(memory.value for memory in bans if memory.subject == "category"),
        pinned_items=tuple(ItemId(memory.value) for memory in decisions if memory.predicate == "pins"),
        only_categories=tuple(memory.value for memory in decisions if memory.predicate == "wants-only"),
        limits=_limits(memory for memory in decisions if memory.predicate == "limits"),
        rules=rules,
    )


def _rule(memory: Memory) -> ConditionalRule:
    if memory.predicate == "limits":
        [limit] = _limits((memory,))
        return ConditionalRule(kind="limit", category=memory.context, limit=limit, when=memory.when)
    if memory.subject == "item":
        return ConditionalRule(kind="ban", item=memory.value, when=memory.when)
    kind: Literal["ban", "only"] = "ban" if memory.predicate == "bans" else "only"
    return ConditionalRule(kind=kind, category=memory.value, exceptions=memory.exceptions, when=memory.when)


def _limits(memories: Iterable[Memory]) -> tuple[Limit, ...]:
    """Return the limits by fact, each with the sides that are stated."""
    sides: dict[str, dict[str, float | None]] = {}
    for memory in memories:
        sides.setdefault(memory.attribute, {})[memory.value] = memory.bound
    return tuple(
        Limit(fact=fact, at_least=bounds.get("at-least"), at_most=bounds.get("at-most"))
        for fact, bounds in sorted(sides.items())
    )


def last_resort(context: PlanningContext) -> Plan:
    """Return the plan that obeys the constraints and has no intents: it passes every check in every context."""
    return Plan(
        plan_id=plan_id(context.cause, "last-resort"),
        user_id=context.user_id,
        goal="obey what was said, leave the rest to the ranking",
        constraints=context.constraints,
        goals=context.goals,
        made_at=context.now,
        expires_at=context.now + LAST_RESORT_SECONDS,
        author="last-resort",
        state_version=context.state_version,
    )
