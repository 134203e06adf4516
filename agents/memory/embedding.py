"""The embedding of a memory: a hashed bag of words (Weinberger et al., ICML 2009), until a text encoder replaces it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from schemas.memories import Memory

EMBEDDING_WIDTH = 64
_WORD = re.compile(r"\w+")

Vectors = NDArray[np.float32]


def embed(texts: Sequence[str]) -> Vectors:
    """Return unit vectors, float32 `[texts, WIDTH]`: each word adds ±1 at the index of its hash; no words give zeros.

    >>> left, right, other = embed(["likes science fiction", "Science fiction: likes", "pins i1"])
    >>> bool(left @ right > 0.999), bool(left @ other < 0.999)
    (True, True)
    """
    vectors = np.zeros((len(texts), EMBEDDING_WIDTH), dtype=np.float32)
    for row, text in enumerate(texts):
        for word in _WORD.findall(text.lower()):
            digest = blake2b(word.encode(), digest_size=4).digest()
            vectors[row, int.from_bytes(digest[:3], "big") % EMBEDDING_WIDTH] += 1.0 if digest[3] & 1 else -1.0
    return normalised(vectors)


def text_of(memory: Memory) -> str:
    """Return the text that is embedded for a memory: its predicate and its value, with the attribute and context.

    >>> from schemas.ids import UserId
    >>> from agents.memory.record import memory_id
    >>> text_of(Memory(memory_id=memory_id(UserId("u"), "category", "likes", "jazz"), user_id=UserId("u"),
    ...     subject="category", predicate="likes", value="jazz", strength=1.0, evidence=(), valid_from=0.0,
    ...     recorded_from=0.0, source="inferred"))
    'likes jazz'
    """
    return " ".join(filter(None, (memory.predicate, memory.context, memory.attribute, memory.value)))


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
