"""How often a search finds the item that a query was made from: by words, by meaning, and by both.

| query    | made from                                                                                |
|----------|------------------------------------------------------------------------------------------|
| words    | up to three words of the item's title, in random order                                   |
| typos    | the same, with a letter of each longer word wrong, missing, too many or swapped          |
| held out | up to six words of the item's text in their order, which is left out of the index        |

The index holds titles, categories, tags and attributes of all items. An item that looks like others may stand below
them: the best possible recall is below 1 where titles repeat.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from inference.encoders.ports import Encoder, tag_of
from inference.search.index import SearchIndex
from inference.search.query import ItemQuery
from inference.search.words import folded_words
from schemas.ids import ItemId
from schemas.item_perceptions import Embedding, ItemPerception
from schemas.items import Item

QueryKind = Literal["words", "typos", "held out"]
Mode = Literal["words", "meaning", "both"]
QUERY_KINDS: tuple[QueryKind, ...] = ("words", "typos", "held out")
FOUND_WITHIN = 10
"""The last rank at which an item counts as found."""
TITLE_WORDS, TEXT_WORDS = 3, 6
LEAST_TYPO_LENGTH = 4
"""Letters of the shortest word that gets one wrong."""
ENCODED_AT_ONCE = 256
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class MadeQuery(Struct, frozen=True):
    """A query and the item that it was made from."""

    kind: QueryKind
    text: str
    item: ItemId


class SearchQuality(Struct, frozen=True, kw_only=True):
    """Of queries of one kind, searched in one mode: the share found within the first ten, with the standard error of
    it, the mean of 1 / rank, and the median milliseconds of a search, in which the query is encoded, too.
    """

    kind: QueryKind
    mode: Mode
    queries: int
    recall: float
    standard_error: float
    reciprocal_rank: float
    median_ms: float


def make_queries(items: Sequence[Item], count: int, rng: np.random.Generator) -> list[MadeQuery]:
    """Return up to `count` queries of each kind, each made from another item."""
    made: list[MadeQuery] = []
    for kind in QUERY_KINDS:
        texts = ((item, _text(item, kind, rng)) for item in (items[k] for k in rng.permutation(len(items))))
        known = (MadeQuery(kind, text, item.item_id) for item, text in texts if text)
        made += [query for query, _ in zip(known, range(count), strict=False)]
    return made


def _text(item: Item, kind: QueryKind, rng: np.random.Generator) -> str:
    if kind == "held out":
        words = folded_words(item.text)
        begin = int(rng.integers(0, max(1, len(words) - TEXT_WORDS + 1)))
        return " ".join(words[begin : begin + TEXT_WORDS])
    words = list(dict.fromkeys(folded_words(item.title)))
    chosen = [words[k] for k in rng.permutation(len(words))[:TITLE_WORDS]]
    return " ".join(misspelt(word, rng) for word in chosen) if kind == "typos" else " ".join(chosen)


def misspelt(word: str, rng: np.random.Generator) -> str:
    """Return the word with one letter wrong, missing, too many or swapped with the next; a short word or a number as it
    is.

    >>> misspelt("teapot", np.random.default_rng(1))
    'tepaot'
    """
    if len(word) < LEAST_TYPO_LENGTH or word.isdigit():
        return word
    at, letter = int(rng.integers(1, len(word) - 1)), _LETTERS[int(rng.integers(len(_LETTERS)))]
    faults = (
        word[:at] + letter + word[at + 1 :],
        word[:at] + word[at + 1 :],
        word[:at] + letter + word[at:],
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
    )
    return faults[int(rng.integers(len(faults)))]


def indexed_catalogue(
    items: Iterable[Item], encoder: Encoder[str] | None, text_of: Callable[[Item], str], report: Callable[[int], None]
) -> SearchIndex:
    """Return an index of the items without their texts, with the vector of each if there is an encoder.

    `report` is told how many items are done.
    """
    index, known = SearchIndex(), [replace(item, text="") for item in items]
    for item in known:
        index.put_item(item)
    for begin in range(0, len(known) if encoder else 0, ENCODED_AT_ONCE):
        part = known[begin : begin + ENCODED_AT_ONCE]
        for item, vector in zip(part, _embedded(encoder, [text_of(item) for item in part]), strict=True):
            seen = ItemPerception(item_id=item.item_id, content="", text=vector)
            index.put_perception(item.item_id, seen)
        report(begin + len(part))
    return index


def _embedded(encoder: Encoder[str] | None, texts: Sequence[str]) -> Iterator[Embedding]:
    assert encoder is not None
    tag = tag_of(encoder.name, encoder.version)
    for row in encoder.encode(texts).astype("<f2"):
        yield Embedding(encoder=tag, vector=row.tobytes())


def evaluate_search(
    index: SearchIndex, queries: Sequence[MadeQuery], encoder: Encoder[str] | None, *, now: float
) -> list[SearchQuality]:
    """Return the quality of each kind of query in each mode; without an encoder, by words alone."""
    modes: tuple[Mode, ...] = ("words", "meaning", "both") if encoder else ("words",)
    results = []
    for kind in QUERY_KINDS:
        own = [query for query in queries if query.kind == kind]
        results += [_quality(index, kind, mode, own, encoder, now) for mode in modes if own]
    return results


def _quality(
    index: SearchIndex,
    kind: QueryKind,
    mode: Mode,
    queries: Sequence[MadeQuery],
    encoder: Encoder[str] | None,
    now: float,
) -> SearchQuality:
    ranks, seconds = [], []
    for query in queries:
        began = time.perf_counter()
        vectors = () if mode == "words" else tuple(_embedded(encoder, [query.text]))
        asked = ItemQuery(words="" if mode == "meaning" else query.text, vectors=vectors, at=now, n=FOUND_WITHIN)
        found = [each.item_id for each in index.search(asked).items]
        seconds.append(time.perf_counter() - began)
        ranks.append(found.index(query.item) + 1 if query.item in found else 0)
    hits = np.array(ranks) > 0
    recall = float(hits.mean())
    return SearchQuality(
        kind=kind,
        mode=mode,
        queries=len(queries),
        recall=recall,
        standard_error=float(np.sqrt(recall * (1.0 - recall) / len(queries))),
        reciprocal_rank=float(np.mean([1.0 / rank if rank else 0.0 for rank in ranks])),
        median_ms=float(np.median(seconds)) * 1e3,
    )
