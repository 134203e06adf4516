"""The topic table: the public contract in one place.

`spread` says what the number of partitions follows: `person` topics all have the same count, so that one worker owns
a user's partition in each of them; `item` topics likewise; `one` has a single partition.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from schemas.dead_letters import DeadLetter, MisroutedRecord
from schemas.erasures import Erasure
from schemas.instructions import Instruction
from schemas.interactions import Interaction
from schemas.item_perceptions import ItemPerception
from schemas.items import Item
from schemas.memories import Memory
from schemas.model_updates import ModelUpdate
from schemas.offers import Occasion, OfferDecision
from schemas.perceived_events import PerceivedEvent
from schemas.plans import PlanEntry, PlanProposal
from schemas.quarantines import Quarantine
from schemas.ranking_log import RankingLogValue
from schemas.recommendations import RankRequest, Recommendation
from schemas.signals import ExternalSignal
from schemas.statistics import ItemDelta, ItemStatistics

DAY_MS = 86_400_000
INTERACTIONS = "interactions"
INSTRUCTIONS = "instructions"
ERASURES = "erasures"
PERCEIVED_EVENTS = "perceived-events"
RANK_REQUESTS = "rank-requests"
OCCASIONS = "occasions"
OFFERS = "offers"
PLAN_PROPOSALS = "plan-proposals"
QUARANTINES = "quarantines"
MISROUTED = "strays"
ITEMS = "items"
ITEM_PERCEPTIONS = "item-perceptions"
EXTERNAL_SIGNALS = "signals"
RECOMMENDATIONS = "recommendations"
PLANS = "plans"
MEMORIES = "memories"
RANKING_LOG = "ranking-log"
ITEM_DELTAS = "item-deltas"
ITEM_STATISTICS = "item-statistics"
MODEL_UPDATES = "model-updates"
DEAD_LETTERS = "dead-letters"

PERSON_TOPICS = frozenset(
    {
        INTERACTIONS,
        INSTRUCTIONS,
        ERASURES,
        PERCEIVED_EVENTS,
        PLAN_PROPOSALS,
        RANK_REQUESTS,
        OCCASIONS,
        OFFERS,
        QUARANTINES,
    }
)
"""Inputs about one user: topics whose misrouted records are forwarded."""


class Topic(Struct, frozen=True, kw_only=True):
    """One topic: what its keys and values are, its cleanup policy and how it is spread over partitions."""

    name: str
    key: Literal["user", "item", "memory", "model", "scope", "none"]
    value: object
    cleanup: Literal["delete", "compact"]
    spread: Literal["person", "item", "one"]
    retention_ms: int | None = None
    summary: str


TOPICS: tuple[Topic, ...] = (
    Topic(
        name=INTERACTIONS,
        key="user",
        value=Interaction,
        cleanup="delete",
        spread="person",
        summary="what users do; kept long, the source for rebuilds",
    ),
    Topic(
        name=INSTRUCTIONS,
        key="user",
        value=Instruction,
        cleanup="delete",
        spread="person",
        summary="what a user states: ban, pin, more, less; kept as long as interactions",
    ),
    Topic(
        name=ERASURES,
        key="user",
        value=Erasure,
        cleanup="delete",
        spread="person",
        summary="users to be erased; kept as long as interactions, as what they did before is refused",
    ),
    Topic(
        name=PERCEIVED_EVENTS,
        key="user",
        value=PerceivedEvent,
        cleanup="delete",
        spread="person",
        summary="what a user showed, searched for or wrote, as a vector; kept as long as interactions",
    ),
    Topic(
        name=RANK_REQUESTS,
        key="user",
        value=RankRequest,
        cleanup="delete",
        spread="person",
        retention_ms=10 * 60_000,
        summary="rank for this user now; kept for minutes, as nobody waits longer for the answer",
    ),
    Topic(
        name=PLAN_PROPOSALS,
        key="user",
        value=PlanProposal,
        cleanup="delete",
        spread="person",
        summary="plans of planners outside the worker, to be judged; kept as long as interactions",
    ),
    Topic(
        name=OCCASIONS,
        key="user",
        value=Occasion,
        cleanup="delete",
        spread="person",
        summary="moments at which an agent may make an offer; kept as long as interactions",
    ),
    Topic(
        name=OFFERS,
        key="user",
        value=OfferDecision,
        cleanup="delete",
        spread="person",
        summary="what agents recommend unasked, and why they do not; kept as long as interactions",
    ),
    Topic(
        name=QUARANTINES,
        key="user",
        value=Quarantine,
        cleanup="compact",
        spread="person",
        summary="accounts whose choices do not count, by an operator's decision",
    ),
    Topic(
        name=MISROUTED,
        key="user",
        value=MisroutedRecord,
        cleanup="delete",
        spread="person",
        summary="records that arrived with a wrong key, forwarded to their owner",
    ),
    Topic(
        name=ITEMS,
        key="item",
        value=Item,
        cleanup="compact",
        spread="item",
        summary="the catalogue; an empty value withdraws the item",
    ),
    Topic(
        name=ITEM_PERCEPTIONS,
        key="item",
        value=ItemPerception,
        cleanup="compact",
        spread="item",
        summary="what was seen and read in an item; an empty value: it is withdrawn",
    ),
    Topic(
        name=EXTERNAL_SIGNALS,
        key="scope",
        value=ExternalSignal,
        cleanup="compact",
        spread="item",
        summary="external knowledge: what a source says of an item, a category, a place or a time",
    ),
    Topic(
        name=RECOMMENDATIONS,
        key="user",
        value=Recommendation,
        cleanup="compact",
        spread="person",
        summary="the newest lists of each user, with their causes",
    ),
    Topic(
        name=PLANS,
        key="user",
        value=PlanEntry,
        cleanup="delete",
        spread="person",
        retention_ms=90 * DAY_MS,
        summary="the ledger of plans: accepted, rejected, superseded, expired",
    ),
    Topic(
        name=MEMORIES,
        key="memory",
        value=Memory,
        cleanup="compact",
        spread="person",
        summary="the source of truth for each memory",
    ),
    Topic(
        name=RANKING_LOG,
        key="user",
        value=RankingLogValue,
        cleanup="delete",
        spread="one",
        retention_ms=14 * DAY_MS,
        summary="features as ranked, choices and outcomes: what rankers learn from, in the order of one partition",
    ),
    Topic(
        name=ITEM_DELTAS,
        key="item",
        value=ItemDelta,
        cleanup="delete",
        spread="item",
        summary="each event's contribution to its item; kept as long as interactions",
    ),
    Topic(
        name=ITEM_STATISTICS,
        key="item",
        value=ItemStatistics,
        cleanup="compact",
        spread="item",
        summary="decayed popularity, co-visitation, transitions",
    ),
    Topic(
        name=MODEL_UPDATES,
        key="model",
        value=ModelUpdate,
        cleanup="compact",
        spread="one",
        summary="which weights serve, what was decided, and why",
    ),
    Topic(
        name=DEAD_LETTERS,
        key="none",
        value=DeadLetter,
        cleanup="delete",
        spread="one",
        summary="records that could not be processed, with the reason",
    ),
)

BY_NAME: dict[str, Topic] = {topic.name: topic for topic in TOPICS}
