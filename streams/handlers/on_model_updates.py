"""`model-updates`: weights were announced. Workers rank by them, the projector writes their item factors to Milvus."""

from __future__ import annotations

from schemas.model_updates import MODEL, ModelUpdate
from streams.handlers.deps import Deps
from streams.log.dead_letters import open_record
from streams.log.records import Inbound
from streams.outcomes.projection import NOTHING, Projection


def on_model_update(record: Inbound, deps: Deps) -> None:
    """Load weights that serve from now on into the local ranker; a refusal changes nothing.

    Raises:
        DecodeError: the record is not a model update, or what it names is no weights file of ours.
    """
    update: ModelUpdate = open_record(record, now=deps.clock())
    if update.decision != "refused" and deps.load_weights is not None:
        deps.load_weights(update.uri)


def project_model_update(record: Inbound, *, now: float) -> Projection:
    """Return the announcement, if it is of the ranker's weights and those serve.

    Raises:
        DecodeError: the record is not a model update.
    """
    update: ModelUpdate = open_record(record, now=now)
    return NOTHING if update.model != MODEL or update.decision == "refused" else Projection(weights=update)
