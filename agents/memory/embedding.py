"""Memories as vectors: the text that is embedded, and the vectors of texts by an encoder from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from schemas.memories import Memory

KEPT_TEXTS = 4_096
"""Texts whose vectors are kept, 1 or 2 kB each: many users believe the same."""

Vectors = NDArray[np.float32]


class MemoryEncoder(Protocol):
    """Turns texts into vectors of length 1, as `inference.encoders.ports.Encoder` does."""

    name: str
    version: str
    width: int

    def encode(self, batch: Sequence[str]) -> Vectors:
        """Return a vector for each text: float32 `[n, width]`; zero for a text in which there is nothing."""
        ...


class TextVectors:
    """The vectors of texts by one encoder; those of the texts that were last asked for are kept."""

    def __init__(self, encoder: MemoryEncoder) -> None:
        self._encoder = encoder
        self._vector = lru_cache(KEPT_TEXTS)(self._encoded)

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Return a vector for each text: float32 `[texts, width]`."""
        rows = np.zeros((len(texts), self._encoder.width), np.float32)
        for row, text in enumerate(texts):
            rows[row] = self._vector(text)
        return rows

    def _encoded(self, text: str) -> Vectors:
        vector: Vectors = self._encoder.encode([text])[0]
        return vector


def text_of(memory: Memory) -> str:
    """Return the text that is embedded for a memory: its predicate and its value, with the attribute and context, and
    what else it says: of an item, what kind of item it is.

    >>> from schemas.ids import UserId
    >>> from agents.memory.record import memory_id
    >>> text_of(Memory(memory_id=memory_id(UserId("u"), "item", "likes", "i7"), user_id=UserId("u"), subject="item",
    ...     predicate="likes", value="i7", traits=(("", "jazz"),), strength=1.0, evidence=(), valid_from=0.0,
    ...     recorded_from=0.0, source="inferred"))
    'likes i7 jazz'
    """
    said = (memory.predicate.replace("-", " "), memory.context, memory.attribute, memory.value)
    traits = (value for _, value in memory.traits)
    return " ".join(dict.fromkeys(filter(None, (*said, *traits))))


def normalised(vectors: Vectors) -> Vectors:
    """Return `vectors [rows, width]` scaled to length 1; a row of zeros stays zero."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = (vectors / np.where(length == 0.0, 1.0, length)).astype(np.float32)
    return unit


def clamped(similarity: float) -> float:
    """Return a cosine clamped to [-1, 1], as rounding may exceed it slightly.

    >>> clamped(1.0000001)
    1.0
    """
    return max(-1.0, min(1.0, similarity))
