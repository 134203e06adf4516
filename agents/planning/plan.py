"""What a planner is asked, what it must answer, and the plan of last resort."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Protocol

from msgspec import Struct

from agents.memory.record import DECISIONS, is_active
from agents.planning.budget import Cost
from agents.profile import Profile
from schemas.ids import EventId, ItemId, PlanId, UserId
from schemas.memories import Memory
from schemas.plans import Constraints, Plan, TriggerName

SLATE = 10
"""How many places plans compose for unless the caller says otherwise."""
LAST_RESORT_SECONDS = 3_600.0


class PlanningContext(Struct, frozen=True, kw_only=True):
    """All that a plan may be based on. `now` is event time; `cause` names the source record, and so the plan."""

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
    slate_size: int = SLATE
    state_version: int = 0


class Planner(Protocol):
    """Proposes a plan. Never blocks, never raises, and proposes the same for the same situation.

    What it proposes is checked by `agents.planning.guardrails` like anybody's plan. `cost` is what one proposal is
    charged to the trigger's budget.
    """

    @property
    def cost(self) -> Cost: ...

    def propose(self, situation: PlanningContext) -> Plan:
        """A plan for this situation."""
        ...


def plan_id(cause: str, author: str) -> PlanId:
    """The id of the plan that this author makes because of this source record: the same on every replay.

    >>> plan_id("c1", "rules") == plan_id("c1", "rules"), plan_id("c1", "rules") == plan_id("c2", "rules")
    (True, False)
    """
    return PlanId(blake2b(f"{cause}|plan|{author}".encode(), digest_size=12).hexdigest())


def constraints_of(memories: Iterable[Memory]) -> Constraints:
    """What lists must obey by the person's active decisions, the newest first.

    >>> constraints_of(())
    Constraints(banned_items=(), banned_categories=(), pinned_items=())
    """
    decided = [memory for memory in memories if memory.predicate in DECISIONS and is_active(memory)]
    decided.sort(key=lambda memory: (-memory.recorded_from, memory.memory_id))
    bans = [memory for memory in decided if memory.predicate == "bans"]
    return Constraints(
        banned_items=tuple(ItemId(memory.value) for memory in bans if memory.subject == "item"),
        banned_categories=tuple(memory.value for memory in bans if memory.subject == "category"),
        pinned_items=tuple(ItemId(memory.value) for memory in decided if memory.predicate == "pins"),
    )


def last_resort(situation: PlanningContext) -> Plan:
    """The plan that obeys what was said and wants nothing: it passes every check, whatever the situation."""
    return Plan(
        plan_id=plan_id(situation.cause, "last-resort"),
        user_id=situation.user_id,
        goal="obey what was said, leave the rest to the ranking",
        constraints=situation.constraints,
        made_at=situation.now,
        expires_at=situation.now + LAST_RESORT_SECONDS,
        author="last-resort",
        state_version=situation.state_version,
    )
