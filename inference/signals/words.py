"""Words: items named like the user's newest ones, such as sequels, editions and other colours.

An inverted index over the items of the table, scored by the vector space model: a word weighs log(items / items with
it) on both sides, and an item's score is divided by the root of how many words it has (tf-idf with a length
normalisation: Salton and Buckley, 1988; a title says a word once, so there is no term frequency). Words of very many
items carry no information and are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.items.postings import Postings
from inference.items.scores import NO_SCORES, ItemScores, Summing
from inference.items.table import Doubles, ItemTable, Numbers, Signal
from inference.kernels.posting_addends import posting_addends
from inference.ranking_context import RankingContext, once_per_query
from inference.signals.columns import Block, FeatureGroup, RankingBatch, pick, relative
from inference.signals.source import CandidateSource
from schemas.items import Item

WORDS_PER_ITEM = 16
"""How many words of an item are read: of its title, then its tags, then its text."""
COMMON_WORD_ITEM_COUNT = 256
"""Words of more items than this are ignored."""
WORD_ITEMS = 10
"""How many of the newest items are compared by words."""
_WORD = re.compile(r"[^\W_]{2,}")

Ints = NDArray[np.int32]


def words_of(item: Item) -> tuple[str, ...]:
    """Return the item's first `WORDS_PER_ITEM` different words, in lower case.

    >>> words_of(Item(item_id="i", title="The Red Hat (2013)", tags=("hat",), text="A hat."))
    ('the', 'red', 'hat', '2013')
    """
    text = " ".join((item.title, *item.tags, item.text[: 20 * WORDS_PER_ITEM])).lower()
    return tuple(dict.fromkeys(_WORD.findall(text)))[:WORDS_PER_ITEM]


class Words(Signal):
    """Words by number and, for each word, the items that have it.

    >>> words = Words(capacity=4)
    >>> for number, title in enumerate(("ocean eleven", "ocean twelve", "top gun")):
    ...     words.put(number, words_of(Item(item_id=title, title=title)))
    >>> words.scores(np.array([0]), np.array([1.0]), 3, Summing(capacity=4)).values.round(2).tolist()
    [1.2, 0.24, 0.0]
    """

    def __init__(self, *, capacity: int) -> None:
        self._number: dict[str, int] = {}
        self._postings = Postings()
        self._words_of: Ints = np.zeros((capacity, WORDS_PER_ITEM), np.int32)
        self._length_norm: Doubles = np.zeros(capacity)
        self._size = 0
        self._rarity: Doubles | None = None

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` items."""
        more = np.zeros((capacity - len(self._words_of), WORDS_PER_ITEM), np.int32)
        self._words_of = np.concatenate([self._words_of, more])
        self._length_norm = np.concatenate([self._length_norm, np.zeros(len(more))])

    def describe(self, table: ItemTable, number: int, item: Item) -> None:
        """Take the words of the item's newest catalogue entry."""
        self.put(number, words_of(item))

    def put(self, number: int, words: Sequence[str]) -> None:
        """Replace the item's words by these."""
        for word in self._words_of[number][self._words_of[number] > 0].tolist():
            self._postings.drop(word, number)
        self._words_of[number] = 0
        for slot, name in enumerate(words):
            word = self._number.setdefault(name, len(self._number) + 1)
            self._words_of[number, slot] = word
            self._postings.add(word, number)
        self._length_norm[number] = max(1, len(words)) ** -0.5
        if number >= self._size:
            self._size, self._rarity = number + 1, None

    def scores(self, recent: Numbers, weights: Doubles, size: int, summing: Summing) -> ItemScores:
        """Return the similarity of items to the recent ones, each by its weight."""
        if self._rarity is None:
            self._rarity = _rarity(self._size)
        words, normed = self._words_of[recent], weights * self._length_norm[recent]
        items, addends = posting_addends(words, normed, self._rarity, self._postings.arrays)
        if not len(items):
            return NO_SCORES
        return summing.addends(items, size).sum(addends).times(self._length_norm)


def _rarity(size: int) -> Doubles:
    """Return the square of a word's weight by how many of `size` items have it; 0 for more than are informative."""
    counts = np.arange(COMMON_WORD_ITEM_COUNT + 2)
    rarity: Doubles = np.log((size + 1.0) / np.maximum(counts, 1.0)) ** 2
    rarity[-1] = 0.0
    return rarity


@once_per_query
def scores(context: RankingContext, table: ItemTable) -> ItemScores:
    """Return the similarity of items to the user's newest ones."""
    if not len(context.recent):
        return NO_SCORES
    return table.signal(Words).scores(
        context.recent[:WORD_ITEMS], context.trace[:WORD_ITEMS], len(table), table.summing
    )


def propose(context: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Return the items with the most similar names."""
    return scores(context, table).best(context.blocked, size)


def fill(batch: RankingBatch) -> Block:
    """Return the score of words shared with the newest items: as it is, and relative to the list's best."""
    values = pick(batch, lambda context, table, items: scores(context, table).at(items))
    return np.concatenate([np.tanh(values), relative(np.log2(values + 1e-2), batch.mask)])


WORD_SOURCE = CandidateSource(name="words", propose=propose, size=15, reason="by name like what you chose lately")
WORD_COLUMNS = FeatureGroup(group="words", names=("words", "words_relative"), fill=fill)
