"""Which items share words: an inverted index over the items that can be chosen, scored as the vector space model does.

A word weighs log(items / items with it) on both sides, and an item's score is divided by the root of how many words it
has (tf-idf with a length normalisation: Salton and Buckley, 1988; a title says a word once, so there is no term
frequency). Words that many items have say nothing and are not followed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.items import Item

WORDS_PER_ITEM = 16
"""How many words of an item are read: of its title, then its tags, then its text."""
COMMON = 256
"""Words of more items than this are not followed."""
_WORD = re.compile(r"[^\W_]{2,}")

Doubles = NDArray[np.float64]
Ints = NDArray[np.int32]


def words_of(item: Item) -> tuple[str, ...]:
    """The item's first `WORDS_PER_ITEM` different words, lower case.

    >>> words_of(Item(item_id="i", title="The Red Hat (2013)", tags=("hat",), text="A hat."))
    ('the', 'red', 'hat', '2013')
    """
    text = " ".join((item.title, *item.tags, item.text[: 20 * WORDS_PER_ITEM])).lower()
    return tuple(dict.fromkeys(_WORD.findall(text)))[:WORDS_PER_ITEM]


class ItemWords:
    """Words by number and, for each, the items that have it.

    >>> words = ItemWords(capacity=4)
    >>> for number, title in enumerate(("ocean eleven", "ocean twelve", "top gun")):
    ...     words.put(number, words_of(Item(item_id=title, title=title)))
    >>> words.scores(np.array([0]), np.array([1.0]), 3).round(2).tolist()
    [1.2, 0.24, 0.0]
    """

    def __init__(self, *, capacity: int) -> None:
        self._number: dict[str, int] = {}
        self._items: list[list[int]] = [[]]
        self._arrays: list[NDArray[np.int64] | None] = [None]
        self._held: Ints = np.zeros((capacity, WORDS_PER_ITEM), np.int32)
        self._shorten: Doubles = np.zeros(capacity)
        self._with: Doubles = np.zeros(256)
        self._size = 0

    def grow(self, capacity: int) -> None:
        """Make room for so many items."""
        more = np.zeros((capacity - len(self._held), WORDS_PER_ITEM), np.int32)
        self._held = np.concatenate([self._held, more])
        self._shorten = np.concatenate([self._shorten, np.zeros(len(more))])

    def put(self, number: int, words: Sequence[str]) -> None:
        """The item has exactly these words now."""
        for word in self._held[number][self._held[number] > 0].tolist():
            self._items[word].remove(number)
            self._changed(word)
        self._held[number] = 0
        for place, word in enumerate(words):
            known = self._numbered(word)
            self._held[number, place] = known
            self._items[known].append(number)
            self._changed(known)
        self._shorten[number] = max(1, len(words)) ** -0.5
        self._size = max(self._size, number + 1)

    def scores(self, recent: NDArray[np.int64], weights: Doubles, size: int) -> Doubles:
        """How much every item shares with the recent ones, each by its weight: `[size]`."""
        words = self._held[recent].ravel()
        given = np.repeat(weights * self._shorten[recent], WORDS_PER_ITEM) * self._rarity(words) ** 2
        followed = given > 0.0
        if not followed.any():
            return np.zeros(size)
        parts = [self._array(word) for word in words[followed].tolist()]
        gains = np.repeat(given[followed], [len(part) for part in parts])
        total = np.bincount(np.concatenate(parts), gains, minlength=size)[:size] * self._shorten[:size]
        return total.astype(np.float64, copy=False)

    def _rarity(self, words: Ints | NDArray[np.int64]) -> Doubles:
        """Each word's weight: 0 for none and for words that are too common."""
        having = self._with[words]
        rarity: Doubles = np.log((self._size + 1.0) / np.maximum(having, 1.0))
        return np.where((words > 0) & (having <= COMMON), rarity, 0.0)

    def _numbered(self, word: str) -> int:
        number = self._number.setdefault(word, len(self._number) + 1)
        if number == len(self._items):
            self._items.append([])
            self._arrays.append(None)
            if number == len(self._with):
                self._with = np.concatenate([self._with, np.zeros_like(self._with)])
        return number

    def _changed(self, word: int) -> None:
        self._arrays[word] = None
        self._with[word] = len(self._items[word])

    def _array(self, word: int) -> NDArray[np.int64]:
        known = self._arrays[word]
        if known is None:
            known = self._arrays[word] = np.array(self._items[word], np.int64)
        return known
