"""`memories`: an agent's memory changed. The projector keeps the memory index at the newest version of each."""

from __future__ import annotations

from schemas.memories import named_by
from streams.log.dead_letters import open_record
from streams.log.records import Inbound
from streams.outcomes.projection import Projection, WithdrawnMemory


def project_memory(record: Inbound, *, now: float) -> Projection:
    """Return the memory that the index is to hold; of an empty value, which one it is to hold no more.

    Raises:
        DecodeError: the record is no memory, or its key names none.
    """
    memory = open_record(record, now=now)
    if memory is not None:
        return Projection(memory=memory)
    named = named_by((record.key or b"").decode())
    return Projection(withdrawn_memory=WithdrawnMemory(*named) if named else None)
