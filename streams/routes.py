"""The routing table: which process reads which topic, and which handler takes it. The path of an event begins here.

Each handler is in the file named for its topic, `streams/handlers/on_<topic>.py`, with everything else that follows
from that topic. Processes know their topics and handlers from this table alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol

from schemas.plans import PlanEntry
from schemas.topics import (
    ERASURES,
    EXTERNAL_SIGNALS,
    INSTRUCTIONS,
    INTERACTIONS,
    ITEM_DELTAS,
    ITEM_PERCEPTIONS,
    ITEM_STATISTICS,
    ITEMS,
    MEMORIES,
    MISROUTED,
    MODEL_UPDATES,
    OCCASIONS,
    OFFERS,
    PERCEIVED_EVENTS,
    PLAN_PROPOSALS,
    PLANS,
    QUARANTINES,
    RANK_REQUESTS,
    RANKING_LOG,
    RECOMMENDATIONS,
)
from streams.handlers.deps import Deps
from streams.handlers.on_erasures import on_erasure
from streams.handlers.on_instructions import on_instruction
from streams.handlers.on_interactions import on_interaction, perceive_interaction
from streams.handlers.on_item_deltas import on_item_deltas
from streams.handlers.on_item_perceptions import index_perception, on_item_perception, project_perception
from streams.handlers.on_item_statistics import index_statistics, on_item_statistics, project_statistics
from streams.handlers.on_items import index_item, on_item, perceive_item, project_item, view_item
from streams.handlers.on_memories import project_memory
from streams.handlers.on_model_updates import on_model_update, project_model_update
from streams.handlers.on_occasions import on_occasion
from streams.handlers.on_offers import on_offer
from streams.handlers.on_perceived_events import on_perceived_event
from streams.handlers.on_plan_proposals import on_plan_proposal
from streams.handlers.on_plans import plan_to_improve
from streams.handlers.on_quarantines import on_quarantine
from streams.handlers.on_rank_requests import on_rank_request
from streams.handlers.on_ranking_log import on_ranking_log, project_ranking_log
from streams.handlers.on_recommendations import view_recommendation
from streams.handlers.on_signals import index_signal, on_signal, project_signal
from streams.handlers.on_strays import open_misrouted
from streams.log.records import Inbound, RecordSource
from streams.outcomes.batch_outcome import BatchOutcome
from streams.outcomes.projection import Projection
from streams.outcomes.record_outcome import RecordOutcome
from streams.outcomes.to_perceive import ToPerceive
from streams.outcomes.view_update import ViewUpdate
from streams.state.user_record import UserRecord


class ProjectorHandler(Protocol):
    """Returns what a record says to the projector's stores. Raises `DecodeError`."""

    def __call__(self, record: Inbound, *, now: float) -> Projection: ...


class GatewayHandler(Protocol):
    """Returns what a record changes in the gateway's view. Raises `DecodeError`."""

    def __call__(self, record: Inbound, *, now: float, caught_up: bool) -> ViewUpdate: ...


WORKER: dict[str, Callable[[UserRecord, Any, RecordSource, Deps], RecordOutcome]] = {
    INTERACTIONS: on_interaction,
    INSTRUCTIONS: on_instruction,
    ERASURES: on_erasure,
    PERCEIVED_EVENTS: on_perceived_event,
    PLAN_PROPOSALS: on_plan_proposal,
    RANK_REQUESTS: on_rank_request,
    OCCASIONS: on_occasion,
    OFFERS: on_offer,
    QUARANTINES: on_quarantine,
}
"""Keyed by user, read by the one worker that owns the user's partition (`streams.worker.user_batch`)."""

WORKER_ENVELOPES: dict[str, Callable[..., Any]] = {MISROUTED: open_misrouted}
"""Read with `WORKER`: records inside records, each opened and applied by the route of its own topic."""

WORKER_TABLES: dict[str, Callable[[Inbound, Deps], None]] = {
    ITEMS: on_item,
    ITEM_PERCEPTIONS: on_item_perception,
    EXTERNAL_SIGNALS: on_signal,
    ITEM_STATISTICS: on_item_statistics,
    MODEL_UPDATES: on_model_update,
}
"""Read whole by every worker, into the table that ranking works from (`streams.worker.tables`)."""

AGGREGATOR: dict[str, Callable[..., BatchOutcome]] = {ITEM_DELTAS: on_item_deltas}
"""Keyed by item, read by the one aggregator that owns the item's partition (`streams.item_stats.aggregator`)."""

TRAINER: dict[str, Callable[..., tuple[Any, ...]]] = {RANKING_LOG: on_ranking_log}
"""Read by the trainer in the order of one partition (`streams.trainer.process`); returns promotion decisions."""

PROJECTOR: dict[str, ProjectorHandler] = {
    RANKING_LOG: project_ranking_log,
    MEMORIES: project_memory,
    ITEM_STATISTICS: project_statistics,
    ITEMS: project_item,
    ITEM_PERCEPTIONS: project_perception,
    EXTERNAL_SIGNALS: project_signal,
    MODEL_UPDATES: project_model_update,
}
"""Read by the projector, which writes behind to Feast and Milvus (`streams.projector.process`)."""

PERCEIVER_EVENTS: dict[str, Callable[..., ToPerceive | None]] = {INTERACTIONS: perceive_interaction}
"""Read by the perceiver before everything else: somebody waits for a list (`streams.perceiver.process`)."""

PERCEIVER_CATALOGUE: dict[str, Callable[..., ToPerceive | None]] = {ITEMS: perceive_item}
"""Read by the perceiver in the time that is left."""

PERCEIVER: dict[str, Callable[..., ToPerceive | None]] = {**PERCEIVER_EVENTS, **PERCEIVER_CATALOGUE}

PLANNER: dict[str, Callable[[Inbound], PlanEntry | None]] = {PLANS: plan_to_improve}
"""Read by the planner, which asks a language model for better plans (`streams.planner.process`)."""

GATEWAY: dict[str, GatewayHandler] = {RECOMMENDATIONS: view_recommendation, ITEMS: view_item}
"""Read whole by every gateway, into the view that it answers from (`deploy.gateway.served.cache`)."""

GATEWAY_SEARCH: dict[str, Callable[..., None]] = {
    ITEMS: index_item,
    ITEM_PERCEPTIONS: index_perception,
    EXTERNAL_SIGNALS: index_signal,
    ITEM_STATISTICS: index_statistics,
}
"""Read whole by every gateway, into its search index, beside `GATEWAY` (`deploy.gateway.search.feed`)."""

WORKER_INPUTS: tuple[str, ...] = (*WORKER, *WORKER_ENVELOPES)
"""What a worker reads as the owner of users, partition by partition."""

Process = Literal["worker", "statistics", "trainer", "projector", "perceiver", "planner", "gateway"]

READS: dict[Process, tuple[str, ...]] = {
    "worker": (*WORKER_INPUTS, *WORKER_TABLES),
    "statistics": tuple(AGGREGATOR),
    "trainer": tuple(TRAINER),
    "projector": tuple(PROJECTOR),
    "perceiver": tuple(PERCEIVER),
    "planner": tuple(PLANNER),
    "gateway": tuple(GATEWAY | GATEWAY_SEARCH),
}
"""Every topic that a process reads, by the name of its command."""
