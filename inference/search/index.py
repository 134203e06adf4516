"""The search index: the item table with the signals that search needs, and R(query) → items over it.

 words    BM25, 0 to 1 of the best that the words could score
 vectors  cosines above what is usual, 0 to 1 of the closest
 taste    words shared with the user's list, 0 to 1
 popular  log count of the newest choices, 0 to 1

Relevance is the weighted mean of words and vectors, as far as there are any; taste and popularity raise it by a share.
So they order what answers the query alike, and bring in nothing that does not answer it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush
from itertools import chain
from threading import RLock
from typing import cast

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from features.half_lives import FALLBACK_ORDER
from features.outside_knowledge import Beliefs, beliefs_at, next_change
from features.signal_store import SignalStore, unpacked
from inference.items.statements import block_items, block_unwanted
from inference.items.table import Bools, ItemTable
from inference.search.conditions import matching_items
from inference.search.filters import parse_boosts, parse_filter
from inference.search.popularity import decayed_counts, half_life_of, trend
from inference.search.query import FoundItem, FoundItems, ItemQuery
from inference.search.values import CATEGORY_FIELD, FilterValues
from inference.search.words import SearchWords
from inference.signals.perceptions import Perceptions, vector_of
from inference.signals.popularity import ItemPopularity
from schemas.errors import BadFilter
from schemas.ids import ItemId
from schemas.item_perceptions import Embedding, ItemPerception
from schemas.items import Item
from schemas.signals import ExternalSignal, Scope, SignalKey
from schemas.statistics import ItemStatistics

SEARCH_SIGNALS = (ItemPopularity, SearchWords, FilterValues, Perceptions)
WORD_SHARE = 0.8
"""What words count of the relevance, where the query is also compared by meaning."""
TASTE_RAISE, POPULARITY_RAISE = 0.25, 0.1
"""By how much the relevance of the item most to a user's taste, and of the most popular one, is raised."""
CLEARLY_NEAR = 2.0
"""By how many standard deviations a cosine exceeds the mean, for an item to be found by the meaning of words."""
NEAREST = 200
"""Items that are found by one vector at most."""

TEXT_READ = 2_000
"""Characters of a document that are searched."""
CHANGES_KEPT = 64
"""Entries of no use that the heap of coming changes may hold, beside as many as there are of use."""

Scores = NDArray[np.float32]


class SearchIndex:
    """Finds items: every one of the catalogue, with what was perceived and counted of it, in memory.

    Readers and the one writer may be different threads. A search blocks for milliseconds.

    >>> index = SearchIndex()
    >>> for name, title, kind in (("i1", "A red hat", "hats"), ("i2", "A teapot", "pots"), ("i3", "Straw hat", "hats")):
    ...     index.put_item(Item(item_id=name, title=title, categories=(kind,)))
    >>> [found.item_id for found in index.search(ItemQuery(words="hats red")).items]
    ['i1', 'i3']
    >>> [found.item_id for found in index.search(ItemQuery(matching="categories:pots")).items]
    ['i2']
    """

    def __init__(self) -> None:
        self.table = ItemTable(SEARCH_SIGNALS)
        self.said = SignalStore()
        self.lock = RLock()
        self._outside_at = 0.0
        """The latest time of a search, as of which external knowledge is read: it never goes back."""
        self._next_change: dict[ItemId, float] = {}
        """When what is believed of an item changes next."""
        self._changes: list[tuple[float, ItemId]] = []
        """The same as a heap, with some entries that are of no use any more."""

    def put_item(self, item: Item) -> None:
        """Take the newest catalogue entry of an item."""
        with self.lock:
            # Pictures may be in the entry itself, and vectors of them come apart.
            self.table.put_item(replace(item, images=()) if item.images else item)
            self.table.numbered(item.item_id)
            self._read_outside(item.item_id)

    def put_signal(self, key: SignalKey, signal: ExternalSignal | None) -> None:
        """Replace what a source says of a scope; none makes it forgotten. Items are found by what is believed."""
        with self.lock:
            if signal is None:
                self.said.forget(key)
            else:
                self.said.take(signal)
            if key.scope == "item":
                self._read_outside(ItemId(key.subject))

    def beliefs(self, scope: Scope, subject: str, at: float) -> Beliefs:
        """Return what sources outside say of a scope that is believed at a time, and what is not."""
        with self.lock:
            packed = self.said.packed(scope, subject)
        return beliefs_at(unpacked(packed), at)

    def withdraw(self, item: ItemId) -> None:
        """Find the item no more, until a new catalogue entry brings it back."""
        with self.lock:
            self.table.withdraw(item)

    def put_perception(self, item: ItemId, perception: ItemPerception | None) -> None:
        """Take what was perceived of an item; none makes it forgotten."""
        with self.lock:
            signal = self.table.signal(Perceptions)
            if perception is None:
                signal.forget(self.table, item)
            else:
                signal.take(self.table, perception)

    def put_statistics(self, row: ItemStatistics) -> None:
        """Take the newest statistics of an item."""
        with self.lock:
            self.table.put_statistics(row)

    def search(self, query: ItemQuery) -> FoundItems:
        """Return the best items for a query, best first, only those that may be shown and that its constraints allow.

        Raises:
            BadFilter: the filter or the boosts cannot be read; the error names the character.
        """
        with self.lock:
            self._follow(query.at)
            return self._best(query, self._scores(query))

    def like_picture(self, item: ItemId, query: ItemQuery) -> FoundItems | None:
        """Return the items whose pictures look most like the item's; none if no picture of it was perceived.

        Raises:
            BadFilter: see `search`.
        """
        with self.lock:
            number = self.table.number.get(item)
            picture = None if number is None else self.table.signal(Perceptions).picture_of(number)
            if picture is None:
                return None
            cosines, known = self._cosines(picture)
            scores = np.where(known, cosines, -np.inf)
            return self._best(replace(query, left_out=query.left_out | {item}), scores)

    def factors(self, items: Sequence[ItemId], query: ItemQuery) -> list[float]:
        """Return of each item the product of the factors of boosts that it matches; 0 if the filter leaves it out.

        Raises:
            BadFilter: see `search`.
        """
        with self.lock:
            factor = self._factors(query)
            allowed = self._matching(query)
            unknown = 0.0 if query.matching else 1.0
            numbers = [self.table.number.get(item) for item in items]
            return [unknown if n is None else float(factor[n]) if allowed[n] else 0.0 for n in numbers]

    def _read_outside(self, item: ItemId) -> None:
        """Take the words of what is believed of an item: its facts that are names, then its documents."""
        number, words = self.table.number.get(item), self.table.signal(SearchWords)
        if number is None or item not in self.table.catalogue:
            return
        said = self.said.said("item", item)
        self._expect(item, next_change(said, self._outside_at))
        if not said and not words.has_said(number):
            return
        beliefs = beliefs_at(said, self._outside_at)
        names = (fact.value for fact in beliefs.facts if isinstance(fact.value, str))
        texts = (text for document in beliefs.documents for text in (document.title, document.text[:TEXT_READ]))
        words.say(number, chain(names, texts))

    def _expect(self, item: ItemId, change: float | None) -> None:
        """Remember when what is believed of an item changes next: one time an item."""
        if change == self._next_change.get(item):
            return
        if change is None:
            del self._next_change[item]
        else:
            self._next_change[item] = change
            heappush(self._changes, (change, item))
        if len(self._changes) > 2 * len(self._next_change) + CHANGES_KEPT:
            self._changes = [(at, each) for each, at in self._next_change.items()]
            heapify(self._changes)

    def _follow(self, at: float) -> None:
        """Read anew what is said of items whose facts or documents began or ended before this time."""
        self._outside_at = max(self._outside_at, at)
        while self._changes and self._changes[0][0] <= self._outside_at:
            change, item = heappop(self._changes)
            if self._next_change.get(item) == change:
                del self._next_change[item]
                self._read_outside(item)

    def _scores(self, query: ItemQuery) -> Scores:
        """Return the score of each item, `[items]`: 0 or less where it is not found."""
        table, size = self.table, len(self.table)
        if query.by == "popular":
            return decayed_counts(table, half_life_of(query.window), query.at).astype(np.float32)
        if query.by == "trending":
            return trend(table, query.window, query.at).astype(np.float32)
        popular = np.log1p(decayed_counts(table, FALLBACK_ORDER, query.at)).astype(np.float32)
        popular /= max(float(popular.max(initial=0.0)), 1e-9)
        taste = self._taste(query)
        if not query.words.strip() and not query.vectors:
            return (taste + popular + np.float32(1e-6)).astype(np.float32)
        relevance = self._relevance(query, size)
        return relevance * (1.0 + np.float32(TASTE_RAISE) * taste + np.float32(POPULARITY_RAISE) * popular)

    def _relevance(self, query: ItemQuery, size: int) -> Scores:
        by_vector = np.zeros(size, np.float32)
        for vector in query.vectors:
            by_vector = np.maximum(by_vector, self._near(vector, clearly=bool(query.words.strip())))
        words = self.table.signal(SearchWords)
        by_words = np.minimum(words.scores(query.words, size), np.float32(1.5))
        if not by_words.any():
            return by_vector
        share = np.float32(WORD_SHARE if query.vectors else 1.0)
        return cast(Scores, share * by_words + (1 - share) * by_vector)

    def _taste(self, query: ItemQuery) -> Scores:
        numbers = [number for item in query.tastes if (number := self.table.number.get(item)) is not None]
        if not numbers:
            return np.zeros(len(self.table), np.float32)
        return self.table.signal(SearchWords).taste(numbers, len(self.table))

    def _cosines(self, vector: Embedding) -> tuple[Scores, Bools]:
        """Return each item's cosine with a vector, and which items have a vector of its encoder: `[items]` both."""
        cosines, known = np.zeros(len(self.table), np.float32), np.zeros(len(self.table), np.bool_)
        numbers, found = self.table.signal(Perceptions).cosines(vector.encoder, vector_of(vector.vector))
        cosines[numbers], known[numbers] = found, True
        return cosines, known

    def _near(self, vector: Embedding, *, clearly: bool) -> Scores:
        """Return how near items are to a vector: 1 for the nearest, 0 for all but the `NEAREST`; if `clearly`, also 0
        for those that are hardly nearer than items are on average.
        """
        cosines, known = self._cosines(vector)
        own = cosines[known]
        if not len(own):
            return cosines
        most, mean = float(own.max()), float(own.mean())
        least = float(np.partition(own, -NEAREST)[-NEAREST]) if len(own) > NEAREST else float(own.min()) - 1e-3
        if clearly:
            least = max(least, mean + min(CLEARLY_NEAR * float(own.std()), 0.9 * (most - mean)))
        share = np.clip((cosines - least) / max(most - least, 1e-6), 0.0, 1.0)
        return np.where(known, share, 0.0).astype(np.float32)

    def _factors(self, query: ItemQuery) -> Scores:
        factor = np.ones(len(self.table), np.float32)
        try:
            for boost in parse_boosts(query.boosts):
                factor[matching_items(boost.matching, self.table)] *= np.float32(boost.factor)
        except BadFilter as exc:
            raise BadFilter(exc.fault, exc.at, "boost") from exc
        return factor

    def _matching(self, query: ItemQuery) -> Bools:
        if not query.matching.strip():
            return np.ones(len(self.table), np.bool_)
        return matching_items(parse_filter(query.matching), self.table)

    def _blocked(self, query: ItemQuery) -> Bools:
        blocked = self.table.unavailable(query.at, query.locale)
        block_unwanted(blocked, query.constraints, self.table)
        block_items(blocked, query.left_out, self.table)
        if query.category:
            blocked |= ~self.table.signal(FilterValues).having(CATEGORY_FIELD, (query.category,), len(blocked))
        return blocked

    def _best(self, query: ItemQuery, scores: Scores) -> FoundItems:
        """Return the items of the highest scores above 0 that may be shown: of equal ones the longer known first."""
        scores = scores * self._factors(query)
        scores = np.where(self._blocked(query) | ~self._matching(query), -np.inf, scores)
        found = np.flatnonzero(scores > 0.0)
        if len(found) > query.n:
            least = np.partition(scores[found], -query.n)[-query.n]
            best = found[scores[found] >= least]
        else:
            best = found
        order = best[np.argsort(-scores[best], kind="stable")][: query.n]
        return FoundItems(tuple(self._found(order, scores)), len(found))

    def _found(self, numbers: Iterable[int], scores: Scores) -> Iterable[FoundItem]:
        for number in numbers:
            yield FoundItem(self.table.ids[number], round(float(scores[number]), 6))
