"""The port of encoders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Picture = NDArray[np.uint8]
"""A picture as it is seen: `[height, width, 3]`, red, green and blue, without any of its file's metadata."""

Content_contra = TypeVar("Content_contra", contravariant=True)


class Encoder(Protocol[Content_contra]):
    """Turns texts (`str`) or pictures (`Picture`) into vectors of length 1: what is alike has a high dot product.

    `name` names the encoder and `version` what it computes: two encoders of equal `tag` give equal vectors, and vectors
    of different tags are never compared. `encode` blocks, does not depend on what else is in the batch (within 1e-4),
    and may be called again with the same content.
    """

    name: str
    version: str
    width: int

    def encode(self, batch: Sequence[Content_contra]) -> Vectors:
        """Return a vector for each: float32 `[n, width]`; zero for content in which there is nothing."""
        ...


def tag_of(name: str, version: str) -> str:
    """Return how an encoder is called beside its vectors.

    >>> tag_of("hashed-words", "1")
    'hashed-words/1'
    """
    return f"{name}/{version}"


def of_unit_length(vectors: Vectors) -> Vectors:
    """Return the rows divided by their lengths; a row of zeros stays as it is.

    >>> of_unit_length(np.array([[3.0, 4.0], [0.0, 0.0]], np.float32)).round(2).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    lengths = np.sqrt((vectors * vectors).sum(axis=1, keepdims=True))
    scaled: Vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors, np.float32), where=lengths > 0.0)
    return scaled
