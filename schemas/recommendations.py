"""What is published for a user: the `recommendations` topic, keyed by user and compacted."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from schemas.bounds import Amount, Label, Name, WholeNumber
from schemas.ids import AnyUser, BareItem, EventId, EventKey, ListKey, MemoryId, PlanId, Time, UserKey
from schemas.interactions import Context
from schemas.plans import Constraints
from schemas.record import Record
from schemas.replies import Reply

OVERLOADED = "overloaded"
"""The degradation of a list whose events waited longer than `worker.overload_seconds`."""


class RankedItem(Record, frozen=True, kw_only=True):
    """One ranked item of a slate.

    `propensity` is the probability with which this item came to this rank, given the items above it and given that
    the list was drawn; 1 where nothing else was possible (a pin), none in a list that was not drawn.
    """

    item_id: BareItem
    score: Amount
    source: Name
    propensity: Annotated[float, Meta(ge=0, le=1)] | None = None
    reason: Annotated[str, Meta(max_length=4_000)] = ""


class Slate(Record, frozen=True, kw_only=True):
    """The items for one surface, best first. A list that explores was drawn: `seed` is what it was drawn with."""

    list_id: ListKey
    surface: Name
    items: Annotated[tuple[RankedItem, ...], Meta(max_length=1_000)]
    seed: int | None = None


class Recommendation(Record, frozen=True, kw_only=True):
    """Everything that is recommended to a user now, with its causes.

    `version` grows with every list of the user. `applied` is, for each source partition (`topic-partition`), the
    last offset that the list reflects: what read-your-writes waits for. `stages` are wall-clock times. `locale` is
    that of the user, empty where it is not known. `constraints` are the user's statements that the list obeys, and
    `replies` answer what they said in words. A plan that waits for the user's approval is `proposed_plan_id`. While
    an experiment runs, `experiment` is its name and `arm` the user's.
    """

    user_id: AnyUser
    version: WholeNumber
    slates: Annotated[tuple[Slate, ...], Meta(min_length=1, max_length=16)]
    trigger_event_ids: tuple[EventId, ...] = ()
    plan_id: PlanId | None = None
    proposed_plan_id: PlanId | None = None
    evidence: tuple[MemoryId, ...] = ()
    model_version: WholeNumber = 0
    statistics_version: WholeNumber = 0
    state_version: WholeNumber = 0
    event_time: Time
    expires_at: Time
    locale: Name = ""
    applied: dict[str, int] = {}
    stages: dict[str, float] = {}
    degradations: tuple[Label, ...] = ()
    constraints: Constraints = Constraints()
    replies: tuple[Reply, ...] = ()
    experiment: Label | None = None
    arm: Label | None = None

    @property
    def home(self) -> Slate:
        """Return the slate of the first surface."""
        return self.slates[0]


class RankRequest(Record, frozen=True, kw_only=True):
    """Rank for this user now, without an event: the `rank-requests` topic, what a GET sends."""

    event_id: EventKey
    user_id: UserKey
    event_time: Time
    context: Context = Context()
    surfaces: Annotated[tuple[Name, ...], Meta(max_length=8)] = ("home",)
