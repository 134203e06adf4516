"""`memories`: an agent's memory changed. The projector keeps the memory index at the newest version of each."""

from __future__ import annotations

from schemas.errors import DecodeError
from schemas.ids import MemoryId, UserId
from streams.log.dead_letters import open_record
from streams.log.records import Inbound
from streams.outcomes.projection import Projection, WithdrawnMemory


def project_memory(record: Inbound, *, now: float) -> Projection:
    """Return the memory that the index is to hold; of an empty value, which one it is to hold no more.

    Raises:
        DecodeError: the record is no memory, or its key none of one.
    """
    if record.value:
        return Projection(memory=open_record(record, now=now))
    try:
        user, _, memory = (record.key or b"").decode().rpartition("/")
    except UnicodeDecodeError as exc:
        raise DecodeError("wrong-key", str(exc)) from exc
    if not user or not memory:
        raise DecodeError("wrong-key", f"the key {record.key!r} is not of the form user/memory")
    return Projection(withdrawn_memory=WithdrawnMemory(UserId(user), MemoryId(memory)))
