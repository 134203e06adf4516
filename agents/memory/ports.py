"""What memory needs from outside: an index that finds a person's memories by similarity."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from msgspec import Struct

from agents.memory.embedding import Vectors
from schemas.ids import MemoryId, UserId
from schemas.memories import Memory, Predicate


class FoundMemory(Struct, frozen=True):
    """A memory that was found, and its cosine similarity to what was asked, in [-1, 1]."""

    memory_id: MemoryId
    predicate: Predicate
    value: str
    similarity: float


class MemoryIndex(Protocol):
    """A projection of the `memories` topic, written behind it and read by similarity.

    Every method may block for a round trip, may be called twice with the same effect as once, and raises
    `StoreUnavailable` if the index does not answer. Reads are eventual: what was put a moment ago may be missing.
    """

    def put(self, memories: Sequence[Memory], vectors: Vectors) -> None:
        """Write memories with their vectors, float32 `[memories, width]`, replacing those with the same id.

        Of one id given twice the last counts. A memory that is recorded to have ended is taken out instead.
        """
        ...

    def search(
        self, user: UserId, vector: Vectors, k: int, *, predicates: Collection[Predicate] = ()
    ) -> tuple[FoundMemory, ...]:
        """The person's k active memories most like `vector` `[width]`, the likest first, equal ones by id.

        `predicates` restricts what is found, unless it is empty. Nobody else's memories are ever found.
        """
        ...

    def delete(self, user: UserId, memories: Sequence[MemoryId] | None = None) -> None:
        """Take these memories of the person out, or all of them. What is not there is passed over."""
        ...
