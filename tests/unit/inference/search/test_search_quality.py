"""The evaluation of search: queries come from items, and a search that works finds those."""

from __future__ import annotations

import numpy as np

from inference.encoders.hashed_words import HashedWords
from inference.evaluation.search_quality import evaluate_search, indexed_catalogue, make_queries
from schemas.ids import ItemId
from schemas.items import Item

WORDS = ["amber", "basalt", "copper", "denim", "ebony", "flint", "garnet", "hazel"]
WORDS += ["indigo", "jasper", "kelp", "linen", "maple", "nickel", "onyx", "pearl"]


def made(number: int) -> Item:
    title, text = f"{WORDS[number]} {WORDS[-number - 1]} {number}", f"{WORDS[number]} with {WORDS[(number + 5) % 16]}"
    return Item(item_id=ItemId(f"i{number}"), title=title, text=text)


ITEMS = [made(number) for number in range(16)]


def test_queries_find_the_items_that_they_were_made_from() -> None:
    encoder = HashedWords()
    queries = make_queries(ITEMS, 10, np.random.default_rng(1))
    assert {query.kind: sum(q.kind == query.kind for q in queries) for query in queries} == dict.fromkeys(
        ("words", "typos", "held out"), 10
    )
    index = indexed_catalogue(ITEMS, encoder, lambda item: item.title, lambda done: None)
    results = evaluate_search(index, queries, encoder, now=0.0)
    recall = {(one.kind, one.mode): one.recall for one in results}
    assert recall["words", "words"] == recall["words", "both"] == 1.0
    assert recall["typos", "words"] > 0.8
    assert recall["held out", "words"] > 0.5
    assert all(0.0 <= one.reciprocal_rank <= one.recall for one in results)


def test_without_texts_and_encoder_only_words_of_titles_are_searched() -> None:
    items = [Item(item_id=item.item_id, title=item.title) for item in ITEMS]
    index = indexed_catalogue(items, None, lambda item: item.title, lambda done: None)
    results = evaluate_search(index, make_queries(items, 5, np.random.default_rng(1)), None, now=0.0)
    assert [(one.kind, one.mode) for one in results] == [("words", "words"), ("typos", "words")]
