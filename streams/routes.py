"""The table of routes: which handler takes which topic. The path of an event begins here.

- `PEOPLE`: keyed by user, read by the one worker that owns the person. `streams.worker.user_batch` takes a batch of
  them, calls the route for each record, then ranks once for everybody touched.
- `ITEMS_OWNED`: keyed by item, read by the one worker that owns the item.
- `TABLES`: read whole by every worker, into the table that ranking works from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from schemas.topics import (
    INSTRUCTIONS,
    INTERACTIONS,
    ITEM_DELTAS,
    ITEM_STATISTICS,
    ITEMS,
    MISROUTED,
    MODEL_UPDATES,
    RANK_REQUESTS,
)
from streams.handlers.batch_outcome import BatchOutcome
from streams.handlers.deps import Deps
from streams.handlers.on_instructions import on_instruction
from streams.handlers.on_interactions import on_interaction
from streams.handlers.on_item_deltas import on_item_deltas
from streams.handlers.on_item_statistics import on_item_statistics
from streams.handlers.on_items import on_item
from streams.handlers.on_model_updates import on_model_update
from streams.handlers.on_rank_requests import on_rank_request
from streams.handlers.record_outcome import RecordOutcome
from streams.log.records import Inbound, Source
from streams.state.user_record import UserRecord

PEOPLE: dict[str, Callable[[UserRecord, Any, Source, Deps], RecordOutcome]] = {
    INTERACTIONS: on_interaction,
    INSTRUCTIONS: on_instruction,
    RANK_REQUESTS: on_rank_request,
}

PERSON_INPUTS: tuple[str, ...] = (*PEOPLE, MISROUTED)
"""What a person's owner reads: the routes above, and records that came with a wrong key (`streams.worker.receive`)."""

ITEMS_OWNED: dict[str, Callable[..., BatchOutcome]] = {ITEM_DELTAS: on_item_deltas}

TABLES: dict[str, Callable[[Inbound, Deps], None]] = {
    ITEMS: on_item,
    ITEM_STATISTICS: on_item_statistics,
    MODEL_UPDATES: on_model_update,
}
