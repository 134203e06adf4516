"""An item's content as a vector: a random projection of its words, with nothing learned and nothing stored.

The 64 bits of a word's hash are the signs of its vector (random indexing: Kanerva et al., 2000; signs as projection:
Achlioptas, 2003), so two texts are similar as far as they share words. A vector depends on its item alone, never on
the rest of the catalogue.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from schemas.items import Item

CONTENT_DIMENSIONS = 64
TITLE_WEIGHT, CATEGORY_WEIGHT, TAG_WEIGHT, TEXT_WEIGHT = 1.0, 1.5, 1.0, 0.3
TEXT_WORDS = 100
_WORD = re.compile(r"\w{2,}")


@lru_cache(maxsize=20_000)
def _signs(word: str) -> NDArray[np.float32]:
    bits = np.unpackbits(np.frombuffer(blake2b(word.encode(), digest_size=CONTENT_DIMENSIONS // 8).digest(), np.uint8))
    return bits.astype(np.float32) * 2.0 - 1.0


def content_vector(item: Item) -> NDArray[np.float32]:
    """Return the item's words as one vector of length 1, float32 `[64]`; zero if it has none.

    >>> titles = ("red hat", "red cap", "teapot")
    >>> red, also, other = (content_vector(Item(item_id="i", title=title)) for title in titles)
    >>> bool(red @ also > red @ other)
    True
    """
    weights: dict[str, float] = {}
    parts = (
        (TITLE_WEIGHT, _WORD.findall(item.title.lower())),
        (CATEGORY_WEIGHT, [f"category {name.lower()}" for name in item.categories]),
        (TAG_WEIGHT, [word for tag in item.tags for word in _WORD.findall(tag.lower())]),
        (TEXT_WEIGHT, _WORD.findall(item.text[: 20 * TEXT_WORDS].lower())[:TEXT_WORDS]),
    )
    for weight, words in parts:
        for word in words:
            weights[word] = max(weights.get(word, 0.0), weight * min(1.0, len(word) / 4.0))
    total = np.zeros(CONTENT_DIMENSIONS, np.float32)
    for word, weight in weights.items():
        total += weight * _signs(word)
    norm = float(np.sqrt(total @ total))
    return total / np.float32(norm) if norm else total
