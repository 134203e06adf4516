"""`model-updates`: weights were promoted. The worker's numpy twin takes them up, as the served model does."""

from __future__ import annotations

from schemas.model_updates import ModelUpdate
from streams.handlers.deps import Deps
from streams.log.dead_letters import open_record
from streams.log.records import Inbound


def on_model_update(record: Inbound, deps: Deps) -> None:
    """Take promoted or rolled-back-to weights up; a refusal changes nothing.

    Raises:
        DecodeError: the record is not a model update, or what it names is no weights file of ours.
    """
    update: ModelUpdate = open_record(record, now=deps.clock())
    if update.decision != "refused" and deps.load_weights is not None:
        deps.load_weights(update.uri)
