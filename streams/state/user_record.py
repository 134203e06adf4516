"""The user record: the state of a user and their agent, as the owner of their partition stores it."""

from __future__ import annotations

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from agents.agent_state import AgentState, agent_at
from agents.goals import next_steps
from agents.memory.record import NEVER
from agents.preferences import preferences_of
from features.agent_preferences import AgentPreferences
from features.user_state import UserState
from schemas.ids import PlanId, UserId
from schemas.plans import Constraints, Plan


class UserRecord(Struct, frozen=True, kw_only=True, rename={"agent": "mind"}):
    """One record of the state store. `version` grows with every applied record and numbers the user's lists.

    What the user did up to `erased_at` (event time) was erased, and is refused; 0 of users who never were.
    """

    user: UserState
    agent: AgentState = AgentState()
    version: int = 0
    erased_at: float = 0.0

    @property
    def is_new(self) -> bool:
        """Return whether no record of this user was applied yet."""
        return self.version == 0

    @property
    def is_unknown(self) -> bool:
        """Return whether nothing is known of this user: no record was applied yet, or none since they were erased."""
        return self.user.version == 0 and self.agent == AgentState()

    def preferences_at(self, now: float) -> AgentPreferences:
        """Return what the agent hands to the ranker at event time `now`, computed from plan, memories and goals."""
        preferences = preferences_of(self.plan, self.agent.memories, now)
        if not self.agent.goals:
            return preferences
        steps = next_steps(self.agent.goals, self.user, now, self.agent.dropped(self.user))
        return replace(preferences, next_steps=steps)

    def at(self, now: float) -> UserRecord:
        """Return the record without the statements that have ended by event time `now`: what lists are made from."""
        agent = agent_at(self.agent, self.user.user_id, now)
        return self if agent is self.agent else replace(self, agent=agent)

    @property
    def plan(self) -> Plan | None:
        """Return the plan that lists follow: the agent's, or after it lapsed one of the user's constraints alone."""
        stated = self.agent.constraints
        if self.agent.plan is not None or stated == Constraints():
            return self.agent.plan
        user = self.user.user_id
        return Plan(
            plan_id=PlanId(""), user_id=user, goal="", constraints=stated, made_at=self.user.last_at, expires_at=NEVER
        )


def new_user(user_id: UserId) -> UserRecord:
    """Return the record of an unknown user.

    >>> new_user(UserId("u1")).is_new
    True
    """
    return UserRecord(user=UserState(user_id=user_id))


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(UserRecord)


def pack(record: UserRecord) -> bytes:
    """Return the bytes that the state store holds; equal records give equal bytes."""
    return _encoder.encode(record)


def unpack(state: bytes) -> UserRecord:
    """Return the record that was packed."""
    return _decoder.decode(state)
