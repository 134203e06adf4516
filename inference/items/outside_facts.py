"""Facts of items that sources outside say, as arrays by item number: names that items share, and numbers, each with the
event times at which it is believed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from features.outside_knowledge import SourcedFact, Span, Value, merged_spans, number_of, value_key
from inference.items.postings import Postings

NAMES_PER_ITEM = 32
"""Names that are read of an item, each with one time span: `_chosen` says which; further ones are ignored."""
COMMON_NAME_ITEM_COUNT = 256
"""A name of more items than this finds none."""
ALL_TIME: Span = (-np.inf, np.inf)

Name = tuple[str, Value]
"""An attribute and what all spellings of its value share."""
Numbers = NDArray[np.int64]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int32]


class NumberFacts(Struct):
    """A fact that is a number, of each item: its value, believed from `since` on and before `until`: `[items]` each."""

    value: Doubles
    since: Doubles
    until: Doubles

    def at(self, items: Numbers, now: Doubles) -> Doubles:
        """Return the number of each item at its event time, where none is believed NaN; `items` and `now` broadcast."""
        is_believed = (self.since[items] <= now) & (now < self.until[items])
        return np.where(is_believed, self.value[items], np.nan)


class OutsideFacts:
    """The named facts of items, such as their directors, by number from 1, with the items that have each; and numbers.

    Arrays are made with the first fact, so a deployment without any pays nothing.

    >>> facts = OutsideFacts(("released",))
    >>> mann = SourcedFact("director", "Michael Mann", "studio", 1.0, 0.0, *ALL_TIME)
    >>> facts.put(7, [(mann, ALL_TIME)], capacity=8)
    >>> facts.names_at(np.array([7, 3]), np.array([[1e9], [1e9]]))[:, :2].tolist()
    [[1, 0], [0, 0]]
    """

    def __init__(self, numbers: Iterable[str]) -> None:
        self._number_of: dict[Name, int] = {}
        self._named: list[tuple[str, str]] = [("", "")]
        self._free: list[int] = []
        """Numbers of names that no item has any more: the next names get them."""
        self._row: Ints = np.zeros(0, np.int32)
        self._names: Ints = np.zeros((0, NAMES_PER_ITEM), np.int32)
        self._since: Doubles | None = None
        self._until: Doubles | None = None
        self.numbers = {name: NumberFacts(np.zeros(0), np.zeros(0), np.zeros(0)) for name in numbers}
        self.postings = Postings()
        self.length_norm: Doubles = np.zeros(0)
        self.size = 0
        """How many items have a name."""
        self._rarity: Doubles | None = None
        self._items_with = Counter[str]()
        """How many items have each number."""

    @property
    def has_any(self) -> bool:
        """Whether any item has had a fact, a name or a number, so that there are arrays."""
        return len(self._names) > 0

    @property
    def have_spans(self) -> bool:
        """Whether any named fact is not believed at all times."""
        return self._since is not None

    def name(self, number: int) -> tuple[str, str]:
        """Return the attribute and the value of a named fact, in its first spelling."""
        return self._named[number]

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` items; nothing, as long as no item has a fact."""
        if self.has_any:
            self._resize(capacity)

    def put(self, item: int, believed: Sequence[tuple[SourcedFact, Span]], *, capacity: int) -> None:
        """Replace the item's facts by these."""
        if not self.has_any:
            self._resize(capacity)
        self._put_names(item, _chosen(believed))
        for name, facts in self.numbers.items():
            # Of several in the course of time the newest is kept: at other times nothing is known.
            own = [
                (span, number)
                for fact, span in believed
                if fact.attribute == name and (number := number_of(fact.value)) is not None
            ]
            self._items_with[name] += bool(own) - (not np.isnan(facts.value[item]))
            span, number = max(own, default=(ALL_TIME, np.nan))
            facts.value[item], facts.since[item], facts.until[item] = number, *span

    def has(self, number: str) -> bool:
        """Return whether this number is known of any item."""
        return self._items_with[number] > 0

    def rarity(self) -> Doubles:
        """Return the square of a name's weight by how many items have it, 0 for more than `COMMON_NAME_ITEM_COUNT`."""
        if self._rarity is None:
            counts = np.arange(COMMON_NAME_ITEM_COUNT + 2)
            self._rarity = np.log((self.size + 1.0) / np.maximum(counts, 1.0)) ** 2
            self._rarity[-1] = 0.0
        return self._rarity

    def names_at(self, items: Numbers, now: Doubles) -> Ints:
        """Return the named facts that are believed of the items: `[*items.shape, NAMES_PER_ITEM]`, 0 for none. The
        event times `now` broadcast to `[*items.shape, 1]`.
        """
        if not self.has_any:
            return np.zeros((*items.shape, NAMES_PER_ITEM), np.int32)
        names = self._names[items]
        if self._since is None or self._until is None:
            return names
        is_believed = (self._since[items] <= now) & (now < self._until[items])
        return np.where(is_believed, names, 0)

    def names_of(self, item: int, now: float) -> Ints:
        """Return the named facts that are believed of one item at an event time, each once, ascending."""
        names: Ints = np.unique(self.names_at(np.array([item]), np.full((1, 1), now)))
        return names[names > 0]

    def rows_among(self, names: NDArray[np.integer], known: Ints) -> Ints:
        """Return for each of `known` its row among the different `names`, from 1; 0 for one that is not there."""
        if len(self._row) < len(self._named):
            self._row = np.zeros(2 * len(self._named), np.int32)
        self._row[names] = np.arange(1, len(names) + 1)
        rows: Ints = self._row.take(known)
        self._row[names] = 0
        return rows

    def counts(self, names: NDArray[np.integer]) -> Ints:
        """Return how many items have each of these names, in their shape."""
        counts: Ints = self.postings.arrays[1].take(names, mode="clip")
        return counts

    def _put_names(self, item: int, named: Sequence[tuple[SourcedFact, Span]]) -> None:
        before = set(self._names[item][self._names[item] > 0].tolist())
        self._names[item] = 0
        for slot, (fact, span) in enumerate(named):
            self._names[item, slot] = self._numbered(fact)
            if span != ALL_TIME or self._since is not None:
                self._put_span(item, slot, span)
        after = set(self._names[item][self._names[item] > 0].tolist())
        for name in sorted(after - before):
            self.postings.add(name, item)
        for name in sorted(before - after):
            self.postings.drop(name, item)
            self._release(name)
        self.size += bool(after) - bool(before)
        self._rarity = None
        self.length_norm[item] = max(1, len(after)) ** -0.5

    def _numbered(self, fact: SourcedFact) -> int:
        name = _name_of(fact)
        number = self._number_of.get(name)
        if number is None:
            if not self._free:
                self._free.append(len(self._named))
                self._named.append(self._named[0])
            number = self._number_of[name] = self._free.pop()
            self._named[number] = (fact.attribute, str(fact.value))
        return number

    def _release(self, number: int) -> None:
        """Let another name have the number, if no item has this one."""
        if not self.counts(np.array([number]))[0]:
            attribute, value = self._named[number]
            del self._number_of[attribute, value_key(value)]
            self._named[number] = self._named[0]
            self._free.append(number)

    def _put_span(self, item: int, slot: int, span: Span) -> None:
        if self._since is None or self._until is None:
            self._since, self._until = np.full(self._names.shape, -np.inf), np.full(self._names.shape, np.inf)
        self._since[item, slot], self._until[item, slot] = span

    def _resize(self, capacity: int) -> None:
        more = capacity - len(self._names)
        self._names = np.concatenate([self._names, np.zeros((more, NAMES_PER_ITEM), np.int32)])
        self.length_norm = np.concatenate([self.length_norm, np.zeros(more)])
        if self._since is not None and self._until is not None:
            self._since = np.concatenate([self._since, np.full((more, NAMES_PER_ITEM), -np.inf)])
            self._until = np.concatenate([self._until, np.full((more, NAMES_PER_ITEM), np.inf)])
        for facts in self.numbers.values():
            facts.value = np.concatenate([facts.value, np.full(more, np.nan)])
            facts.since = np.concatenate([facts.since, np.full(more, -np.inf)])
            facts.until = np.concatenate([facts.until, np.full(more, np.inf)])


def _chosen(believed: Sequence[tuple[SourcedFact, Span]]) -> list[tuple[SourcedFact, Span]]:
    """Return the names that are kept of an item, once for each time span in which they are believed.

    Attributes take turns, each with its names by the trust in their source, so that a large cast leaves room for the
    director; of more attributes than there is room for, those of the most trusted sources.
    """
    said: dict[Name, tuple[SourcedFact, list[Span]]] = {}
    for fact, span in sorted(believed, key=lambda row: row[0].rank):
        if isinstance(fact.value, str):
            said.setdefault(_name_of(fact), (fact, []))[1].append(span)
    turn, turns = Counter[str](), []
    for fact, spans in said.values():
        turn[fact.attribute] += 1
        turns.append((turn[fact.attribute], fact.rank, fact.attribute, fact, spans))
    ordered = sorted(turns, key=lambda row: row[:3])
    return [(fact, span) for *_, fact, spans in ordered for span in merged_spans(spans)][:NAMES_PER_ITEM]


def _name_of(fact: SourcedFact) -> Name:
    return fact.attribute, value_key(fact.value)
