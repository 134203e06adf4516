"""The vocabulary of a search index, and what a word of a query may have meant in it."""

from __future__ import annotations

from array import array
from typing import Any

from rapidfuzz.distance import OSA
from rapidfuzz.process import extract

NEAR_WORDS = 6
"""How many known words a word that no item has is read as."""
ENDINGS = ("s", "es", "e", "n", "en")
"""Endings of inflection that may be missing or too many, in English and languages akin to it."""
INFLECTED = 0.8
"""What an inflection counts of the word itself."""
_DISTANCE: Any = OSA.distance
LONGEST = 32
"""Characters of a word that are compared by edit distance; a longer one is a code, and means itself."""

Variant = tuple[int, float]
"""The number of a known word, and how close it is to the word of a query, above 0 and at most 1."""


class SearchVocabulary:
    """Words by number, from 0, with how many items have each.

    >>> vocabulary = SearchVocabulary()
    >>> for word in ("teapot", "teapots", "hat"):
    ...     _ = vocabulary.enter(word)
    >>> [(vocabulary.word(each), closeness) for each, closeness in vocabulary.variants("teapot")]
    [('teapot', 1.0), ('teapots', 0.8)]
    >>> [vocabulary.word(each) for each, _ in vocabulary.variants("taepot")]
    ['teapot', 'teapots']
    """

    def __init__(self) -> None:
        self._number: dict[str, int] = {}
        self._words: list[str] = []
        self._count = array("i")
        self._by_length: dict[int, list[str]] = {}

    def __len__(self) -> int:
        """Return how many words have ever been entered."""
        return len(self._words)

    def enter(self, word: str) -> int:
        """Count one more item with the word, and return its number."""
        number = self._number.get(word)
        if number is None:
            number = self._number[word] = len(self._words)
            self._words.append(word)
            self._count.append(0)
            self._by_length.setdefault(len(word), []).append(word)
        self._count[number] += 1
        return number

    def leave(self, number: int) -> None:
        """Count one item less with the word."""
        self._count[number] -= 1

    def word(self, number: int) -> str:
        """Return the word of a number."""
        return self._words[number]

    def count(self, number: int) -> int:
        """Return how many items have the word."""
        return self._count[number]

    def variants(self, word: str) -> list[Variant]:
        """Return what a word may mean: itself and its inflections, or else the nearest words; none if none is near."""
        found = [(number, 1.0)] if (number := self._known(word)) is not None else []
        for each in _inflections(word):
            number = self._known(each)
            if number is not None:
                found.append((number, INFLECTED))
        return found or self._near(word)

    def _known(self, word: str) -> int | None:
        number = self._number.get(word)
        return number if number is not None and self._count[number] else None

    def _near(self, word: str) -> list[Variant]:
        """Return the words within an edit distance (Damerau, 1964: letters swapped, missing, too many or wrong)."""
        most = allowed_edits(word)
        if not most:
            return []
        found: list[tuple[str, float, int]] = []
        for length in range(len(word) - most, len(word) + most + 1):
            words = self._by_length.get(length)
            if words:
                found += extract(word, words, scorer=_DISTANCE, score_cutoff=most, limit=NEAR_WORDS)
        ordered = sorted(found, key=lambda match: (match[1], -self._count[self._number[match[0]]], match[0]))
        numbers = [(self._number[match[0]], 1.0 - float(match[1]) / len(word)) for match in ordered]
        return [(number, closeness) for number, closeness in numbers if self._count[number]][:NEAR_WORDS]


def allowed_edits(word: str) -> int:
    """Return how many letters of a word may be wrong: none of very short words, of codes and of numbers.

    >>> [allowed_edits(word) for word in ("tv", "1984", "heat", "casablanca")]
    [0, 0, 1, 2]
    """
    if len(word) < 3 or len(word) > LONGEST or word.isdigit():
        return 0
    return 1 if len(word) < 6 else 2


def _inflections(word: str) -> list[str]:
    longer = [word + ending for ending in ENDINGS]
    shorter = [word.removesuffix(ending) for ending in ENDINGS if word.endswith(ending) and len(word) > len(ending) + 2]
    return list(dict.fromkeys([*longer, *shorter])) if len(word) > 2 else []
