"""Texts by the words that they share: a random projection of each word's hash. It needs no package and no weights."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from inference.encoders.ports import Vectors, of_unit_length

HASHED_WIDTH = 256
WORDS_READ = 200
_WORD = re.compile(r"\w{2,}")


class HashedWords:
    """The signs of a word are the bits of its hash (Achlioptas, 2003), and a text is the sum of its words.

    >>> hats, caps, pots = HashedWords().encode(["a red hat", "one red hat", "teapot"])
    >>> bool(hats @ caps > 0.5 > hats @ pots)
    True
    """

    name = "hashed-words"
    version = "1"
    width = HASHED_WIDTH

    def encode(self, batch: Sequence[str]) -> Vectors:
        """See `inference.encoders.ports.Encoder`."""
        rows = np.zeros((len(batch), HASHED_WIDTH), np.float32)
        for row, text in zip(rows, batch, strict=True):
            for word in dict.fromkeys(_WORD.findall(text.lower())[:WORDS_READ]):
                row += _signs_of(word)
        return of_unit_length(rows)


def _signs_of(word: str) -> NDArray[np.float32]:
    bits = np.unpackbits(np.frombuffer(blake2b(word.encode(), digest_size=HASHED_WIDTH // 8).digest(), np.uint8))
    return bits.astype(np.float32) * 2.0 - 1.0
