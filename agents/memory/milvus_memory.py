"""The memory index in Milvus: one collection per encoder, filtered by user."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from re import Pattern

from agents.memory.embedding import Vectors, clamped, normalised, text_key, text_of
from agents.memory.ports import FoundMemory
from agents.milvus_collection import (
    VECTOR,
    Address,
    CollectionSchema,
    Consistency,
    Field,
    MilvusCollection,
    Row,
    any_of,
    quoted,
)
from schemas.ids import MemoryId, UserId
from schemas.memories import Memory, Predicate

_KEY = "memory_id"
_FIELDS = tuple(map(Field, ("user_id", "subject", "predicate", "value", "state", "text")))


class MilvusMemory:
    """`MemoryIndex` over a Milvus server. Nothing is connected before the first call.

    With `creates` it makes its collection, and drops those of its `family`: of encoders before, whose vectors fit
    nothing. That is for the one who writes; for others the index is away before that.
    """

    def __init__(
        self,
        address: Address,
        *,
        collection: str,
        width: int,
        creates: bool = True,
        family: Pattern[str] | None = None,
        consistency: Consistency = "Eventually",
    ) -> None:
        shape = CollectionSchema(name=collection, key=_KEY, fields=_FIELDS, width=width)
        self._collection = MilvusCollection(address, shape, consistency=consistency, creates=creates, family=family)

    def put(self, memories: Sequence[Memory], vectors: Vectors) -> None:
        """(1) write memories that are held, (2) delete those that have ended: after a crash in between both are
        repeated.
        """
        rows = {memory.memory_id: row for memory, row in zip(memories, _rows(memories, vectors), strict=True)}
        latest = {memory.memory_id: memory for memory in memories}
        current = [rows[name] for name, memory in latest.items() if memory.recorded_to is None]
        ended = [name for name, memory in latest.items() if memory.recorded_to is not None]
        if current:
            self._collection.upsert(current)
        if ended:
            self._collection.delete(any_of(_KEY, ended))

    def search(
        self, user: UserId, vector: Vectors, k: int, *, predicates: Collection[Predicate] = ()
    ) -> tuple[FoundMemory, ...]:
        where = f'user_id == {quoted(user)} and state == "active"'
        if predicates:
            where += f" and {any_of('predicate', sorted(predicates))}"
        query = normalised(vector[None])[0].tolist()
        hits = self._collection.search(query, k, where, (_KEY, "predicate", "value", "text"))
        found = [
            FoundMemory(row[_KEY], row["predicate"], row["value"], clamped(similarity), row["text"])
            for similarity, row in hits
        ]
        return tuple(sorted(found, key=lambda memory: (-memory.similarity, memory.memory_id)))

    def count(self, user: UserId) -> int:
        """Return how many memories of the user the index holds, those of former encoders among them."""
        return self._collection.count(f"user_id == {quoted(user)}")

    def delete(self, user: UserId, memories: Sequence[MemoryId] | None = None) -> None:
        where = f"user_id == {quoted(user)}"
        if memories is None:
            self._collection.delete(where)
        elif memories:
            self._collection.delete(f"{where} and {any_of(_KEY, memories)}")

    def close(self) -> None:
        """Close the connection."""
        self._collection.close()


def _rows(memories: Sequence[Memory], vectors: Vectors) -> list[Row]:
    return [
        {
            _KEY: memory.memory_id,
            "user_id": memory.user_id,
            "subject": memory.subject,
            "predicate": memory.predicate,
            "value": memory.value,
            "state": memory.state,
            "text": text_key(text_of(memory)),
            VECTOR: vector,
        }
        for memory, vector in zip(memories, normalised(vectors).tolist(), strict=True)
    ]
