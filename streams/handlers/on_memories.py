"""`memories`: an agent's memory changed. The projector keeps the memory index at the newest version of each."""

from __future__ import annotations

from streams.log.dead_letters import open_record
from streams.log.records import Inbound
from streams.outcomes.projection import Projection


def project_memory(record: Inbound, *, now: float) -> Projection:
    """Return the memory that the index is to hold.

    Raises:
        DecodeError: the record is no memory.
    """
    return Projection(memory=open_record(record, now=now))
