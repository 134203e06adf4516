"""What an agent plans for a user, and the ledger of what became of each plan: the `plans` topic."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from schemas.bounds import Amount, Name, NonNegative
from schemas.ids import EventId, EventKey, MemoryId, PlanId, Time, UserId, UserKey
from schemas.instructions import Exceptions, RecurringTime
from schemas.record import Record

TriggerName = Literal[
    "session-start",
    "taste-drift",
    "skip-run",
    "slate-exhausted",
    "instruction",
    "plan-expired",
    "contradiction",
    "new-item",
    "goal-reached",
]
Unit = Annotated[float, Meta(ge=0, le=1)]


class Intent(Record, frozen=True, kw_only=True):
    """A category that the plan serves with this weight, or avoids, because of this memory."""

    category: str
    weight: Annotated[float, Meta(ge=-1, le=1, description="negative: avoid")]
    confidence: Unit
    memory_id: MemoryId | None = None


class Quota(Record, frozen=True, kw_only=True):
    """How many items of a category one slate holds."""

    category: str
    at_least: Annotated[int, Meta(ge=0)] = 0
    at_most: Annotated[int, Meta(ge=0)] | None = None


class Limit(Record, frozen=True, kw_only=True):
    """Bounds of a fact of items (`features.item_facts`), both inclusive: at least one of the two is given."""

    fact: Name
    at_least: Amount | None = None
    at_most: Amount | None = None


class ConditionalRule(Record, frozen=True, kw_only=True):
    """A rule that holds on a condition: a ban of a `category` or the wish for it alone, with `exceptions`, or a `limit`
    that binds the items of the category alone, of all if there is none. One that says `when` holds at that time alone:
    a ban may be of an `item` then, and an "only" holds instead of those without a time.
    """

    kind: Literal["ban", "only", "limit"]
    category: str = ""
    limit: Limit | None = None
    item: str = ""
    exceptions: Exceptions = ()
    when: RecurringTime | None = None


class Constraints(Record, frozen=True, kw_only=True):
    """What every slate must obey, whatever the ranker scores.

    Where there are `only_categories`, or rules that say so, every item is of one of them. Every item is known to keep
    within all `limits`. `rules` are those that hold on a condition.
    """

    banned_items: tuple[str, ...] = ()
    banned_categories: tuple[str, ...] = ()
    pinned_items: tuple[str, ...] = ()
    only_categories: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()
    rules: tuple[ConditionalRule, ...] = ()


class GoalProgress(Record, frozen=True, kw_only=True):
    """How far the user is with a goal of several steps (`schemas.instructions.SetGoal`): `done` of `total`."""

    name: str
    done: Annotated[int, Meta(ge=0)]
    total: Annotated[int, Meta(ge=0)]
    per_session: Annotated[int, Meta(ge=1)]


class Plan(Record, frozen=True, kw_only=True):
    """A goal, session steps and a slate composition, with the memories that support them.

    `candidates` are items that the plan wants to be ranked, whether or not a candidate source proposes them. `goals`
    are those of the user's own that were not reached when the plan was made.
    """

    plan_id: PlanId
    user_id: UserId
    goal: str
    steps: tuple[str, ...] = ()
    intents: tuple[Intent, ...] = ()
    quotas: tuple[Quota, ...] = ()
    constraints: Constraints = Constraints()
    candidates: tuple[str, ...] = ()
    goals: tuple[GoalProgress, ...] = ()
    exploration: Unit = 0.0
    made_at: Time
    expires_at: Time
    evidence: tuple[MemoryId, ...] = ()
    author: str = "rules"
    state_version: int = 0


class PlanEntry(Record, frozen=True, kw_only=True, rename={"violations": "verdict"}):
    """An entry of the ledger: why this plan was made or ended, the rules that it violates, and what it cost.

    A plan that was `proposed` waits for the user. `violations` is encoded as `verdict`.
    """

    entry_id: str
    user_id: UserId
    plan: Plan
    decision: Literal["accepted", "rejected", "superseded", "expired", "proposed"]
    trigger: TriggerName
    trigger_event_ids: tuple[EventId, ...] = ()
    violations: tuple[str, ...] = ()
    cost_ms: float = 0.0
    tokens: float = 0.0
    money: float = 0.0
    event_time: Time


class ProposalCost(Record, frozen=True, kw_only=True):
    """What a proposal cost its author: tokens of language models, seconds, and money in the operator's currency."""

    tokens: NonNegative = 0.0
    seconds: NonNegative = 0.0
    money: NonNegative = 0.0


class PlanProposal(Record, frozen=True, kw_only=True):
    """A plan of a planner outside the worker, to be followed instead of the plan that it `answers`.

    It is made from the user's state as of `event_time`, version `plan.state_version`, and is refused once the user's
    events have passed the `deadline` (event time) or another plan is followed. The worker judges it as it judges every
    plan, under the user's statements of then. `trigger` and `trigger_event_id` are those of the plan that it answers.
    """

    user_id: UserKey
    event_time: Time
    plan: Plan
    answers: PlanId
    deadline: Time
    trigger: TriggerName
    trigger_event_id: EventKey
    cost: ProposalCost = ProposalCost()
