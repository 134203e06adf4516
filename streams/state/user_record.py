"""A person as their partition's owner keeps them: what they did, what their agent thinks, and how often it changed."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from agents.agent_state import AgentState
from agents.memory.record import NEVER
from features.user_state import UserState
from schemas.ids import PlanId, UserId
from schemas.plans import Constraints, Plan


class UserRecord(Struct, frozen=True, kw_only=True, rename={"agent": "mind"}):
    """One record of the state store. `version` grows with every applied record: it numbers the person's lists."""

    user: UserState
    agent: AgentState = AgentState()
    version: int = 0

    @property
    def is_new(self) -> bool:
        """Whether nothing is known of this person yet."""
        return self.version == 0

    @property
    def plan(self) -> Plan | None:
        """The plan that lists obey: the agent's, or where that has lapsed, nothing but what the person has said."""
        said = self.agent.constraints
        if self.agent.plan is not None or said == Constraints():
            return self.agent.plan
        user = self.user.user_id
        return Plan(
            plan_id=PlanId(""), user_id=user, goal="", constraints=said, made_at=self.user.last_at, expires_at=NEVER
        )


def new_user(user_id: UserId) -> UserRecord:
    """A person never seen.

    >>> new_user(UserId("u1")).is_new
    True
    """
    return UserRecord(user=UserState(user_id=user_id))


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(UserRecord)


def pack(person: UserRecord) -> bytes:
    """A person as the state store keeps them; equal persons give equal bytes."""
    return _encoder.encode(person)


def unpack(state: bytes) -> UserRecord:
    """The person that was packed."""
    return _decoder.decode(state)
