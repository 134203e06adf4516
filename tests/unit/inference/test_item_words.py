"""Similarity by shared words, compared with the plain formula."""

from __future__ import annotations

from collections import Counter
from math import log, sqrt

import numpy as np
import pytest

from inference.items.scores import Summing
from inference.signals.words import COMMON_WORD_ITEM_COUNT, Words, words_of
from schemas.ids import ItemId
from schemas.items import Item

TITLES = ("ocean eleven", "ocean twelve", "top gun", "top ocean thirteen", "gun")


def index(titles: tuple[str, ...]) -> Words:
    words = Words(capacity=len(titles))
    for number, title in enumerate(titles):
        words.put(number, words_of(Item(item_id=ItemId(title), title=title)))
    return words


def scores_of(words: Words, recent: list[int], weights: list[float], size: int) -> np.ndarray:
    """Return the scores of the first `size` items."""
    return words.scores(np.array(recent), np.array(weights), size, Summing(capacity=size)).at(np.arange(size))


def similarity(title: str, other: str, titles: tuple[str, ...]) -> float:
    title_counts = Counter(word for text in titles for word in text.split())
    shared = set(title.split()) & set(other.split())
    weights = sum(log((len(titles) + 1) / title_counts[word]) ** 2 for word in shared)
    return weights / sqrt(len(title.split()) * len(other.split()))


def test_scores_are_weighted_sums_over_shared_words() -> None:
    scores = scores_of(index(TITLES), [0, 2], [1.0, 0.5], len(TITLES))
    expected = [similarity(TITLES[0], title, TITLES) + 0.5 * similarity(TITLES[2], title, TITLES) for title in TITLES]
    assert scores.tolist() == pytest.approx(expected)


def test_new_words_of_an_item_replace_the_old_ones() -> None:
    words = index(TITLES)
    words.put(3, ("gun",))
    fresh = index((*TITLES[:3], "gun", "gun"))
    for number in range(len(TITLES)):
        expected = scores_of(fresh, [number], [1.0], 5)
        assert scores_of(words, [number], [1.0], 5).tolist() == pytest.approx(expected.tolist())


def test_a_word_of_nearly_all_items_makes_nothing_similar() -> None:
    titles = tuple(f"set item{number}" for number in range(COMMON_WORD_ITEM_COUNT + 1))
    scores = scores_of(index(titles), [0], [1.0], len(titles))
    assert np.flatnonzero(scores).tolist() == [0]


def test_items_without_words_are_similar_to_nothing() -> None:
    assert not scores_of(index(("", "top gun")), [0], [1.0], 2).any()
