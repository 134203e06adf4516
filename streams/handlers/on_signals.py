"""`signals`: a source says something of an item, a category, a place or a time. Workers rank, gateways search by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from inference.signals.outside_knowledge import OutsideKnowledge
from schemas.signals import ExternalSignal, SignalKey, parsed_signal_key, signal_key
from streams.handlers.deps import Deps
from streams.log.dead_letters import open_record
from streams.log.records import Inbound
from streams.outcomes.projection import NOTHING, Projection

if TYPE_CHECKING:
    from inference.search.index import SearchIndex


def on_signal(record: Inbound, deps: Deps) -> None:
    """Replace in the worker's table what the source says of the scope; an empty value takes it out.

    A worker that does not rank by external knowledge passes the record over unread.

    Raises:
        DecodeError: the record is not a signal.
    """
    if not deps.recommender.features.knowledge:
        return
    signal: ExternalSignal | None = open_record(record, now=deps.clock())
    knowledge = deps.table.signal(OutsideKnowledge)
    if signal is None:
        knowledge.forget(deps.table, _withdrawn(record))
    else:
        # Nothing is ranked by documents.
        knowledge.take(deps.table, replace(signal, documents=()) if signal.documents else signal)


def index_signal(record: Inbound, index: SearchIndex, *, now: float) -> None:
    """Put what the source says of the scope into the search index; an empty value takes it out.

    Raises:
        DecodeError: the record is not a signal.
    """
    signal: ExternalSignal | None = open_record(record, now=now)
    index.put_signal(_withdrawn(record) if signal is None else signal_key(signal), signal)


def project_signal(record: Inbound, *, now: float) -> Projection:
    """Return that nothing is projected: the projector reads the topic to write the dead letters about it.

    Raises:
        DecodeError: the record is not a signal.
    """
    open_record(record, now=now)
    return NOTHING


def _withdrawn(record: Inbound) -> SignalKey:
    key = parsed_signal_key((record.key or b"").decode())
    assert key is not None  # an empty record with another key was refused
    return key
