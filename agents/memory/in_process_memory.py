"""A memory index in the process: exact, for tests, backtests and small deployments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

import numpy as np

from agents.memory.embedding import Vectors, clamped, normalised, text_key, text_of
from agents.memory.ports import FoundMemory
from agents.memory.record import is_active
from schemas.ids import MemoryId, UserId
from schemas.memories import Memory, Predicate


class InMemoryIndex:
    """Every memory with its unit vector, by user; a search is a matrix product over the user's memories."""

    def __init__(self) -> None:
        self._memories: defaultdict[UserId, dict[MemoryId, tuple[Memory, Vectors]]] = defaultdict(dict)

    def put(self, memories: Sequence[Memory], vectors: Vectors) -> None:
        for memory, vector in zip(memories, normalised(vectors), strict=True):
            if memory.recorded_to is None:
                self._memories[memory.user_id][memory.memory_id] = (memory, vector)
            else:
                self._memories[memory.user_id].pop(memory.memory_id, None)

    def search(
        self, user: UserId, vector: Vectors, k: int, *, predicates: Collection[Predicate] = ()
    ) -> tuple[FoundMemory, ...]:
        candidates = [
            (memory, embedding)
            for memory, embedding in self._memories.get(user, {}).values()
            if is_active(memory) and (not predicates or memory.predicate in predicates)
        ]
        if not candidates:
            return ()
        similarity = np.stack([embedding for _, embedding in candidates]) @ normalised(vector[None])[0]
        found = [
            FoundMemory(
                memory.memory_id, memory.predicate, memory.value, clamped(float(score)), text_key(text_of(memory))
            )
            for (memory, _), score in zip(candidates, similarity, strict=True)
        ]
        return tuple(sorted(found, key=lambda memory: (-memory.similarity, memory.memory_id))[:k])

    def delete(self, user: UserId, memories: Sequence[MemoryId] | None = None) -> None:
        if memories is None:
            self._memories.pop(user, None)
            return
        for memory in memories:
            self._memories.get(user, {}).pop(memory, None)
