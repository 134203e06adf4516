"""Similarity by shared words, compared with the plain formula."""

from __future__ import annotations

from collections import Counter
from math import log, sqrt

import numpy as np
import pytest

from inference.signals.words import COMMON_WORD_ITEM_COUNT, Words, words_of
from schemas.ids import ItemId
from schemas.items import Item

TITLES = ("ocean eleven", "ocean twelve", "top gun", "top ocean thirteen", "gun")


def index(titles: tuple[str, ...]) -> Words:
    words = Words(capacity=len(titles))
    for number, title in enumerate(titles):
        words.put(number, words_of(Item(item_id=ItemId(title), title=title)))
    return words


def similarity(title: str, other: str, titles: tuple[str, ...]) -> float:
    title_counts = Counter(word for text in titles for word in text.split())
    shared = set(title.split()) & set(other.split())
    weights = sum(log((len(titles) + 1) / title_counts[word]) ** 2 for word in shared)
    return weights / sqrt(len(title.split()) * len(other.split()))


def test_scores_are_weighted_sums_over_shared_words() -> None:
    scores = index(TITLES).scores(np.array([0, 2]), np.array([1.0, 0.5]), len(TITLES))
    expected = [similarity(TITLES[0], title, TITLES) + 0.5 * similarity(TITLES[2], title, TITLES) for title in TITLES]
    assert scores.tolist() == pytest.approx(expected)


def test_new_words_of_an_item_replace_the_old_ones() -> None:
    words = index(TITLES)
    words.put(3, ("gun",))
    fresh = index((*TITLES[:3], "gun", "gun"))
    weights = np.array([1.0])
    for number in range(len(TITLES)):
        recent = np.array([number])
        assert words.scores(recent, weights, 5).tolist() == pytest.approx(fresh.scores(recent, weights, 5).tolist())


def test_a_word_of_nearly_all_items_makes_nothing_similar() -> None:
    titles = tuple(f"set item{number}" for number in range(COMMON_WORD_ITEM_COUNT + 1))
    scores = index(titles).scores(np.array([0]), np.array([1.0]), len(titles))
    assert np.flatnonzero(scores).tolist() == [0]


def test_items_without_words_are_similar_to_nothing() -> None:
    assert not index(("", "top gun")).scores(np.array([0]), np.array([1.0]), 2).any()
