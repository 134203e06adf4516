"""The arms of the comparison: which plan a user's lists would follow if plans were made otherwise.

    none      no plan
    static    the user's first plan, made once and never again
    random    re-planned as often as in production, at random events of the user
    swapped   re-planned when production re-plans, but by another user's plan

An arm is production's user record with another plan in it, so the same queries, candidate sources and weights rank all
arms. Plans at random times are made by production's planner and checked by its guardrails. All arms but `none` begin
when production makes the user's first plan, and follow a plan until their next one.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from msgspec.structs import replace

from agents.agent_state import planning_context
from agents.planning.ledger import choose_plan
from agents.planning.plan import DEFAULT_SLATE_SIZE
from agents.planning.rule_planner import RULE_PLANNER
from agents.profile import profile_contexts
from schemas.ids import UserId
from schemas.interactions import Interaction
from schemas.plans import Plan, TriggerName
from streams.state.user_record import UserRecord

Arm = Literal["none", "static", "random", "swapped"]
ARMS: tuple[Arm, ...] = ("none", "static", "random", "swapped")


class ArmPlans:
    """The plan of every user in every arm, from the past alone; the seed decides the random times and whose plan is
    taken.
    """

    def __init__(self, seed: int) -> None:
        self._plans: dict[Arm, dict[UserId, Plan]] = {arm: {} for arm in ARMS}
        self._users: list[UserId] = []
        self._newest: dict[UserId, Plan] = {}
        self._times = RandomTimes(np.random.default_rng([seed, 0]))
        self._donors = np.random.default_rng([seed, 1])

    @property
    def random_plans(self) -> int:
        """How often the arm `random` re-planned, all users together."""
        return self._times.drawn

    def records(self, record: UserRecord) -> dict[Arm, UserRecord]:
        """Return the user's record as it is in each arm."""
        return {arm: self._with_plan(record, self._plans[arm].get(record.user.user_id)) for arm in ARMS}

    def after(self, record: UserRecord, event: Interaction, trigger: TriggerName | None) -> bool:
        """Take a user's record after an event, at which production made a plan because of this trigger, if any.

        Returns whether production re-planned: the user had a plan before.
        """
        user, plan = record.user.user_id, record.agent.plan
        is_known = user in self._newest
        if trigger is not None and plan is not None:
            self._planned(user, plan)
        if not is_known:
            return False
        drawn = self._times.draw(user, trigger)
        if drawn is not None:
            self._plans["random"][user] = _plan_now(record, event, drawn, self._plans["random"].get(user))
        return trigger is not None and plan is not None

    def _planned(self, user: UserId, plan: Plan) -> None:
        self._plans["swapped"][user] = self._of_another(user) or plan
        if user not in self._newest:
            self._users.append(user)
            self._plans["static"][user] = self._plans["random"][user] = plan
        self._newest[user] = plan

    def _of_another(self, user: UserId) -> Plan | None:
        """Return the newest plan of another user, any of them with the same chance; none while there is none."""
        others = len(self._users) - (user in self._newest)
        if not others:
            return None
        donor = self._users[int(self._donors.integers(len(self._users)))]
        while donor == user:
            donor = self._users[int(self._donors.integers(len(self._users)))]
        return self._newest[donor]

    def _with_plan(self, record: UserRecord, plan: Plan | None) -> UserRecord:
        if plan is not None:
            user, constraints = record.user.user_id, record.agent.constraints
            plan = replace(plan, user_id=user, constraints=constraints)
        return replace(record, agent=replace(record.agent, plan=plan))


class RandomTimes:
    """Draws the events at which a user is re-planned, so that it happens as often as in production.

    The chance is the share of the user's events, up to now, at which production re-planned, drawn towards the share of
    everybody's by one event; and there are never more re-plannings than production's, over all users. What a plan is
    made for is drawn from what production's were made for.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._events: dict[UserId, int] = {}
        self._fired: dict[UserId, int] = {}
        self._reasons: list[TriggerName] = []
        self._all_events = 0
        self.drawn = 0

    def draw(self, user: UserId, trigger: TriggerName | None) -> TriggerName | None:
        """Return why the user is re-planned at this event, none if not; then take in what fired in production."""
        share = len(self._reasons) / max(1, self._all_events)
        chance = (self._fired.get(user, 0) + share) / (self._events.get(user, 0) + 1)
        fires = self._rng.random() < chance and self.drawn < len(self._reasons)
        drawn = self._reasons[int(self._rng.integers(len(self._reasons)))] if fires else None
        self._events[user] = self._events.get(user, 0) + 1
        self._all_events += 1
        self.drawn += drawn is not None
        if trigger is not None:
            self._fired[user] = self._fired.get(user, 0) + 1
            self._reasons.append(trigger)
        return drawn


def _plan_now(record: UserRecord, event: Interaction, reason: TriggerName, current: Plan | None) -> Plan:
    """Return what production's planner proposes now, if the guardrails let it pass; else what the ledger falls back
    on.
    """
    where = profile_contexts(event.event_time, event.context)
    cause = f"random/{event.event_id}"
    context = planning_context(record.agent, record.user, event.event_id, cause, where, DEFAULT_SLATE_SIZE)
    context = replace(context, trigger=reason)
    plan = choose_plan(current, RULE_PLANNER.propose(context), context).plan
    assert plan is not None
    return plan
