"""Words of items for search: an inverted index, scored by BM25 (Robertson and Zaragoza, 2009) in two fields.

A word counts once in a field. The fields are the title, and everything else that is said of an item: categories, tags,
names among its attributes, and its text. Accents and case make no difference; a word that no item has is read as the
nearest ones by edit distance.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Container, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from inference.items.postings import Postings
from inference.items.table import ItemTable, Numbers, Signal
from inference.search.spelling import SearchVocabulary
from schemas.items import Item

WORDS_SEARCHED = 64
"""Different words of an item that are searched: of its title, then of its categories, tags, attributes and text."""
QUERY_WORDS = 16
"""Different words of a query that are read."""
NAME_LENGTH_READ = 64
"""Characters of an attribute that is read as a name."""
TITLE_WEIGHT, OTHER_WEIGHT = 1.0, 0.5
SATURATION, LENGTH_SHARE = 1.2, 0.5
"""BM25's k1 and b."""
COMMON_SHARE = 0.25
"""A word of more than this share of items says nothing of what somebody likes."""
TASTE_WORDS = 48
"""The heaviest words of a user's list by which items are compared with it."""
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")
"""A run of letters and digits; of scripts without spaces, each character."""

Weights = NDArray[np.float32]


def folded_words(text: str) -> list[str]:
    """Return the words of a text as they are compared, in their order.

    >>> folded_words("Café de Flore (1970)")
    ['cafe', 'de', 'flore', '1970']
    """
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return _WORD.findall(text.casefold())


def searched_words(item: Item) -> tuple[list[str], list[str]]:
    """Return the different words of an item's title, and those of everything else that are not in it.

    >>> searched_words(Item(item_id="i", title="Red hat", categories=("Hats",), attributes={"brand": "Acme"}))
    (['red', 'hat'], ['hats', 'acme'])
    """
    title = dict.fromkeys(folded_words(item.title))
    named = (value for value in item.attributes.values() if isinstance(value, str) and len(value) <= NAME_LENGTH_READ)
    said = " ".join((*item.categories, *item.tags, *named, item.text[: 20 * WORDS_SEARCHED]))
    others = dict.fromkeys(word for word in folded_words(said) if word not in title)
    own = list(title)[:WORDS_SEARCHED]
    return own, list(others)[: WORDS_SEARCHED - len(own)]


def _first_others(words: Iterable[str], known: Container[str], room: int) -> list[str]:
    """Return the first different words that are not known, `room` at most; no further word is drawn."""
    if room <= 0:
        return []
    others: dict[str, None] = {}
    for word in words:
        if word not in known:
            others[word] = None
            if len(others) == room:
                break
    return list(others)


class SearchWords(Signal):
    """Words by number and, for each word and field, the items that have it.

    >>> words, table = SearchWords(capacity=4), ItemTable(())
    >>> for number, title in enumerate(("Ocean's Eleven", "Ocean's Twelve", "Top Gun")):
    ...     words.describe(table, number, Item(item_id=title, title=title))
    >>> words.scores("oceens twelve", 3).argmax()
    np.int64(1)
    """

    def __init__(self, *, capacity: int) -> None:
        self.vocabulary = SearchVocabulary()
        self._fields = (Postings(), Postings())
        self._own: dict[int, tuple[array[int], int]] = {}
        self._catalogued: dict[int, tuple[list[str], list[str]]] = {}
        """The words of the catalogue's entry, of items that have others, too."""
        self._lengths: NDArray[np.uint8] = np.zeros((2, capacity), np.uint8)
        self._total = [0, 0]

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` items."""
        more = np.zeros((2, capacity - self._lengths.shape[1]), np.uint8)
        self._lengths = np.concatenate([self._lengths, more], axis=1)

    def describe(self, table: ItemTable, number: int, item: Item) -> None:
        """Take the words of the item's newest catalogue entry."""
        self._catalogued.pop(number, None)
        self._put(number, searched_words(item))

    def say(self, number: int, texts: Iterable[str]) -> None:
        """Take what sources outside say of the item, as far as the words of its catalogue entry leave room.

        Texts are read until there is none left.
        """
        before = self._catalogued.pop(number, None)
        title, others = before or self._words_of(number)
        catalogued = dict.fromkeys([*title, *others])
        folded = (word for text in texts for word in folded_words(text))
        said = _first_others(folded, catalogued, WORDS_SEARCHED - len(catalogued))
        if said:
            self._catalogued[number] = (title, others)
        if said or before is not None:
            self._put(number, (title, [*others, *said]))

    def _words_of(self, number: int) -> tuple[list[str], list[str]]:
        own, titled = self._own.get(number, (array("i"), 0))
        words = [self.vocabulary.word(word) for word in own]
        return words[:titled], words[titled:]

    def has_said(self, number: int) -> bool:
        """Return whether the item has words that sources outside say of it."""
        return number in self._catalogued

    def withdraw(self, table: ItemTable, number: int) -> None:
        """Forget the item's words."""
        self._catalogued.pop(number, None)
        self._put(number, ([], []))

    def _put(self, number: int, words: tuple[Sequence[str], Sequence[str]]) -> None:
        own, titled = self._own.pop(number, (array("i"), 0))
        for slot, word in enumerate(own):
            self._fields[slot >= titled].drop(word, number)
            self.vocabulary.leave(word)
        numbers = array("i", (self.vocabulary.enter(word) for field in words for word in field))
        for slot, word in enumerate(numbers):
            self._fields[slot >= len(words[0])].add(word, number)
        for field, names in enumerate(words):
            self._total[field] += len(names) - int(self._lengths[field, number])
            self._lengths[field, number] = len(names)
        if numbers:
            self._own[number] = (numbers, len(words[0]))

    def scores(self, text: str, size: int) -> Weights:
        """Return how well the first `size` items answer the words: float32 `[size]`, 0 for those without any of them,
        and about 1 where a title of average length has all of them.

        A word and its inflections count as one; of an item's several the best does.
        """
        scores, most = np.zeros(size, np.float32), 0.0
        for word in list(dict.fromkeys(folded_words(text)))[:QUERY_WORDS]:
            variants = self.vocabulary.variants(word)
            if not variants:
                continue
            best = np.zeros(size, np.float32)
            rarity = self._rarity(max(self.vocabulary.count(each) for each, _ in variants))
            most += TITLE_WEIGHT * rarity
            for each, closeness in variants:
                for field, weight in enumerate((TITLE_WEIGHT, OTHER_WEIGHT)):
                    items = self._fields[field].of(each)
                    items = items[items < size]
                    values = np.float32(rarity * closeness * weight) * self._normalised(field, items)
                    best[items] = np.maximum(best[items], values)
            scores += best
        return scores / np.float32(most) if most else scores

    def taste(self, items: Iterable[int], size: int) -> Weights:
        """Return how much the first `size` items share words with these, best first: float32 `[size]`, at most 1."""
        weights: dict[int, float] = {}
        for rank, item in enumerate(items):
            own, _ = self._own.get(item, (array("i"), 0))
            for word in own:
                weights[word] = weights.get(word, 0.0) + 1.0 / ((rank + 1) ** 0.5 * len(own) ** 0.5)
        most = COMMON_SHARE * max(len(self._own), 4)
        rated = ((w, weight * self._rarity(self.vocabulary.count(w))) for w, weight in weights.items())
        known = [pair for pair in rated if self.vocabulary.count(pair[0]) <= most]
        scores = np.zeros(size, np.float32)
        for word, weight in sorted(known, key=lambda pair: -pair[1])[:TASTE_WORDS]:
            for field in self._fields:
                shared = field.of(word)
                scores[shared[shared < size]] += np.float32(weight)
        scores /= np.sqrt(np.maximum(self._lengths[:, :size].sum(axis=0), 1), dtype=np.float32)
        return scores / max(float(scores.max(initial=0.0)), 1e-9)

    def _rarity(self, count: int) -> float:
        """Return BM25's weight of a word that so many items have."""
        total = len(self._own)
        return float(np.log1p((total - count + 0.5) / (count + 0.5))) if count else 0.0

    def _normalised(self, field: int, items: Numbers | NDArray[np.int32]) -> Weights:
        """Return BM25's normalisation by length of a word that each item's field has once: 1 at average length."""
        average = max(1.0, self._total[field] / max(1, len(self._own)))
        relative = self._lengths[field].take(items).astype(np.float32) / np.float32(average)
        scale = 1.0 + SATURATION * (1.0 - LENGTH_SHARE + LENGTH_SHARE * relative)
        normalised: Weights = np.divide(np.float32(SATURATION + 1.0), scale, dtype=np.float32)
        return normalised
