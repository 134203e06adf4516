"""What the words of a user's recent items add to the items that share them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.kernels.kernel import Kernel

PostingArrays = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]
"""Where the items of each word begin and how many they are, `[words]`, and the items: `inference.items.postings`."""
_POSTINGS = "Tuple((int64[::1], int32[::1], int32[::1]))"
Addends = tuple[NDArray[np.int64], NDArray[np.float64]]


def _addends(
    words: NDArray[np.int32], weights: NDArray[np.float64], rarity: NDArray[np.float64], postings: PostingArrays
) -> Addends:
    begin, count, items = postings
    addends = weights[:, None] * np.where(words > 0, rarity[np.minimum(count[words], len(rarity) - 1)], 0.0)
    is_informative = addends > 0.0
    own = words[is_informative]
    parts = [items[begin[word] : begin[word] + count[word]] for word in own.tolist()]
    return np.concatenate([np.zeros(0, np.int64), *parts]), np.repeat(addends[is_informative], count[own])


def _addends_loops(
    words: NDArray[np.int32], weights: NDArray[np.float64], rarity: NDArray[np.float64], postings: PostingArrays
) -> Addends:
    begin, count, items = postings
    size = 0
    for nth in range(len(words)):
        for word in words[nth]:
            if word > 0 and weights[nth] * rarity[min(count[word], len(rarity) - 1)] > 0.0:
                size += count[word]
    numbers, addends, end = np.empty(size, np.int64), np.empty(size), 0
    for nth in range(len(words)):
        for word in words[nth]:
            addend = weights[nth] * rarity[min(count[word], len(rarity) - 1)]
            if word > 0 and addend > 0.0:
                for index in range(begin[word], begin[word] + count[word]):
                    numbers[end], addends[end] = items[index], addend
                    end += 1
    return numbers, addends


posting_addends = Kernel(
    _addends,
    _addends_loops,
    signatures=(f"Tuple((int64[::1], float64[::1]))(int32[:,::1], float64[::1], float64[::1], {_POSTINGS})",),
)
"""Return the items that have any of the `words` `[recent, words per item]` (0 for none), once for each, and what each
adds: the weight of the recent item, `weights` `[recent]`, x the `rarity` by how many items have the word: `[addends]`
both. Words of as many items as the last of `rarity` or more weigh that.
"""
