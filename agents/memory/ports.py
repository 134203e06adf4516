"""The port of memory: an index that finds a user's memories by similarity."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from msgspec import Struct

from agents.memory.embedding import Vectors
from schemas.ids import MemoryId, UserId
from schemas.memories import Memory, Predicate


class FoundMemory(Struct, frozen=True):
    """A memory that a search returns, its cosine similarity to the query, in [-1, 1], and the name of the text that was
    compared (`agents.memory.embedding.text_key`).
    """

    memory_id: MemoryId
    predicate: Predicate
    value: str
    similarity: float
    text: str


class MemoryIndex(Protocol):
    """A projection of the `memories` topic, written behind it and read by similarity.

    Every method may block for a round trip, may be called twice with the same effect as once, and raises
    `StoreUnavailable` if the index does not answer. Reads are eventually consistent: a memory that was just put may be
    missing.
    """

    def put(self, memories: Sequence[Memory], vectors: Vectors) -> None:
        """Write memories with their vectors, float32 `[memories, width]`, replacing those with the same id.

        Of memories that share an id the last counts. A memory that has ended (`recorded_to`) is removed instead.
        """
        ...

    def search(
        self, user: UserId, vector: Vectors, k: int, *, predicates: Collection[Predicate] = ()
    ) -> tuple[FoundMemory, ...]:
        """Return the user's k active memories most similar to `vector` `[width]`, most similar first, equal ones by id.

        `predicates` restricts the search, unless it is empty. Memories of other users are never returned.
        """
        ...

    def delete(self, user: UserId, memories: Sequence[MemoryId] | None = None) -> None:
        """Remove these memories of the user, or all of them. Unknown ids are ignored."""
        ...
