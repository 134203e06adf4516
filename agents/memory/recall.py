"""Recall: the memories that matter here and now, or to a text, the most relevant first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from msgspec import Struct

from agents.memory.record import confidence, faded, is_active
from schemas.ids import MemoryId
from schemas.memories import Memory

UNRELATED_RELEVANCE = 0.25
"""The relevance of a memory about something else than `about`."""


def recall(memories: Iterable[Memory], now: float, *, about: Collection[str] = (), k: int = 16) -> tuple[Memory, ...]:
    """Return the k memories of highest relevance * faded strength * trust, highest first; never stale or disputed ones.

    `about` names the categories and items of the moment; if it names none, everything is equally relevant. Equal scores
    are ordered by id, so the answer depends on the arguments alone.

    The product of relevance, recency and importance is that of Generative Agents (Park et al., UIST 2023), where faded
    strength stands for the last two.

    >>> from agents.memory.operations import PreferenceSignal, SignalCause, begin
    >>> from schemas.ids import EventId, UserId
    >>> cause = SignalCause(UserId("u"), EventId("e"), 0.0, 0.0)
    >>> memory = begin(PreferenceSignal("category", "likes", "jazz", 1.0), cause)
    >>> [memory.value for memory in recall([memory], now=0.0)]
    ['jazz']
    """
    scored = [
        (-_relevance(memory, about) * faded(memory, now) * memory.trust, memory.memory_id, memory)
        for memory in memories
        if is_active(memory)
    ]
    scored.sort(key=lambda entry: entry[:2])
    return tuple(memory for _, _, memory in scored[:k])


class RecalledMemory(Struct, frozen=True):
    """A memory that a text is about, its cosine similarity to the text, and the confidence in it now."""

    memory: Memory
    similarity: float
    confidence: float

    @property
    def score(self) -> float:
        """The similarity, of which half counts whatever the confidence: what is meant comes before what is sure."""
        return max(0.0, self.similarity) * (1.0 + self.confidence) / 2.0


def recall_by_meaning(
    memories: Iterable[Memory], similarity: Mapping[MemoryId, float], now: float, *, k: int = 16
) -> tuple[RecalledMemory, ...]:
    """Return the k active memories of the highest score, highest first; of equal ones the surer first, then by id.

    Meaning, recency and strength are fused: confidence is the strength that is left, times trust. Memories whose
    similarity is not known count as unlike.
    """
    recalled = [
        RecalledMemory(memory, similarity.get(memory.memory_id, 0.0), confidence(memory, now))
        for memory in memories
        if is_active(memory)
    ]
    recalled.sort(key=lambda one: (-one.score, -one.confidence, one.memory.memory_id))
    return tuple(recalled[:k])


def _relevance(memory: Memory, about: Collection[str]) -> float:
    if not about or memory.value in about or memory.source == "stated":
        return 1.0
    return UNRELATED_RELEVANCE
