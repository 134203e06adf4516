"""Memories as vectors: the text that is embedded, and the vectors of texts by an encoder from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from itertools import islice
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
        self._kept: dict[str, Vectors] = {}

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Return a vector for each text: float32 `[texts, width]`; those that are not kept are encoded together."""
        asked = {text: self._kept.pop(text, None) for text in texts}
        missing = [text for text, vector in asked.items() if vector is None]
        encoded = self._encoder.encode(missing) if missing else ()
        known = {text: vector for text, vector in asked.items() if vector is not None}
        known |= dict(zip(missing, encoded, strict=True))
        self._kept |= known
        for text in list(islice(self._kept, max(0, len(self._kept) - KEPT_TEXTS))):
            del self._kept[text]
        rows = [known[text] for text in texts]
        return np.stack(rows) if rows else np.zeros((0, self._encoder.width), np.float32)


def text_of(memory: Memory) -> str:
    """Return the text that is embedded for a memory: its predicate and its value, with the attribute and context, and
    what else it says. An item is said by its kind, where that is known: its id means nothing.

    >>> from schemas.ids import UserId
    >>> from agents.memory.record import memory_id
    >>> text_of(Memory(memory_id=memory_id(UserId("u"), "item", "likes", "i7"), user_id=UserId("u"), subject="item",
    ...     predicate="likes", value="i7", traits=(("", "jazz"),), strength=1.0, evidence=(), valid_from=0.0,
    ...     recorded_from=0.0, source="inferred"))
    'likes jazz'
    """
    traits = tuple(value for _, value in memory.traits)
    value = () if memory.subject == "item" and traits else (memory.value,)
    said = (memory.predicate.replace("-", " "), memory.context, memory.attribute, *value, *traits)
    return " ".join(dict.fromkeys(filter(None, said)))


def text_key(text: str) -> str:
    """Return a short name of a text, stored beside its vector: a memory may say something else by now.

    >>> len(text_key("likes jazz")), text_key("likes jazz") == text_key("likes folk")
    (16, False)
    """
    return blake2b(text.encode(), digest_size=8).hexdigest()


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
