"""External knowledge: what sources outside say of items, categories, places and times (`features.outside_knowledge`).

Items are compared by the named facts that they share with the user's newest ones (a director, a material), by the
vector space model of `inference.signals.words`: a name weighs log(items / items with it), so a rare name says much.
Everything is read as of the query's event time. The source and the columns are there only where
`ranking.outside_knowledge` is on.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import TypeVar

import numpy as np
from msgspec import Struct

from features.decay import DAY
from features.outside_knowledge import Beliefs, Span, beliefs_at, believed_spans, number_of, value_key
from inference.items.outside_facts import OutsideFacts
from inference.items.scores import find
from inference.items.table import Doubles, ItemTable, Numbers, Signal
from inference.query import Query
from inference.ranking_context import RankingContext, once_per_query
from inference.signals.columns import Block, FeatureGroup, RankingBatch, relative
from inference.signals.source import CandidateSource, nothing
from schemas.codec import decode, encode
from schemas.ids import ItemId, category_key
from schemas.signals import ExternalSignal, Scope, SignalKey
from schemas.topics import EXTERNAL_SIGNALS

RELEASED, TREND, HOLIDAY = "released", "trend", "holiday"
"""Attributes that the ranker reads as such: when an item is released (seconds), how much something is in demand, from
-1 to 1, and what is celebrated at a place or a time.
"""
SOURCES_PER_SCOPE = 16
"""Sources of one scope that are kept; further ones are ignored."""
COMPARED_ITEMS = 20
"""How many of the newest items are compared by their facts."""
COMMON_ITEM_COUNT = 256
"""Names of more items than this propose nothing."""
HOLIDAY_DAYS = 2.0
"""How many days before a holiday its nearness is a half."""

Key = TypeVar("Key")
Kept = TypeVar("Kept")


class OutsideKnowledge(Signal):
    """All that sources say, by scope, and the facts of items as arrays.

    >>> table = ItemTable((OutsideKnowledge,))
    >>> knowledge = table.signal(OutsideKnowledge)
    >>> from schemas.signals import OutsideFact
    >>> mann = (OutsideFact(attribute="director", value="Michael Mann"),)
    >>> said = ExternalSignal(scope="item", subject="heat", source="studio", recorded_at=0.0, facts=mann)
    >>> knowledge.take(table, said)
    >>> [(fact.value, fact.sources) for fact in knowledge.beliefs("item", "heat", 1e9).facts]
    [('Michael Mann', ('studio',))]
    """

    def __init__(self, *, capacity: int) -> None:
        self.facts = OutsideFacts((RELEASED, TREND))
        self._said: dict[tuple[Scope, str], dict[str, bytes]] = {}
        self._trends: dict[str, list[tuple[float, Span]]] = {}
        self._holidays: dict[tuple[Scope, str], list[Span]] = {}

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` items."""
        self.facts.grow(capacity)

    def add(self, table: ItemTable, number: int) -> None:
        """Take what is said of a new item."""
        if self._said:
            self._settle_item(table, table.ids[number])

    def take(self, table: ItemTable, signal: ExternalSignal) -> None:
        """Replace what the signal's source says of its scope."""
        subject = _subject(signal.scope, signal.subject)
        of_scope = self._said.setdefault((signal.scope, subject), {})
        if signal.source in of_scope or len(of_scope) < SOURCES_PER_SCOPE:
            of_scope[signal.source] = encode(signal)
            self._settle(table, signal.scope, subject)

    def forget(self, table: ItemTable, key: SignalKey) -> None:
        """Forget what the source says of the scope."""
        subject = _subject(key.scope, key.subject)
        of_scope = self._said.get((key.scope, subject), {})
        if of_scope.pop(key.source, None) is not None:
            if not of_scope:
                del self._said[key.scope, subject]
            self._settle(table, key.scope, subject)

    def beliefs(self, scope: Scope, subject: str, at: float) -> Beliefs:
        """Return what is believed of a scope at an event time, with the sources that say so."""
        return beliefs_at(self._signals(scope, _subject(scope, subject)), at)

    def holiday_near(self, subjects: Sequence[str], at: float) -> float:
        """Return how near a holiday is, there or everywhere: 1 on its day, a half `HOLIDAY_DAYS` before it."""
        spans = [
            span
            for (scope, subject), of_scope in self._holidays.items()
            for span in of_scope
            if span[1] > at and (scope == "time" or subject in subjects)
        ]
        waits = max(0.0, min((since - at for since, _ in spans), default=inf))
        return float(np.exp2(-waits / DAY / HOLIDAY_DAYS))

    def _signals(self, scope: Scope, subject: str) -> list[ExternalSignal]:
        said = self._said.get((scope, subject), {})
        return [decode(EXTERNAL_SIGNALS, value, now=inf) for value in said.values()]

    def _settle(self, table: ItemTable, scope: Scope, subject: str) -> None:
        """Work out anew what is believed of a scope, and when."""
        if scope == "item":
            if subject in table.number:
                self._settle_item(table, ItemId(subject))
            return
        believed = believed_spans(self._signals(scope, subject))
        holidays = [span for fact, span in believed if fact.attribute == HOLIDAY]
        trends = [(number_of(fact.value) or 0.0, span) for fact, span in believed if fact.attribute == TREND]
        _replace(self._holidays, (scope, subject), holidays)
        if scope == "category":
            _replace(self._trends, subject, trends)

    def _settle_item(self, table: ItemTable, item: ItemId) -> None:
        believed = believed_spans(self._signals("item", item))
        if believed or self.facts.size:
            self.facts.put(table.number[item], believed, capacity=len(table.count))

    @property
    def has_trends(self) -> bool:
        """Whether a trend of any category is known."""
        return bool(self._trends)

    def category_trends(self, table: ItemTable, now: float) -> Doubles:
        """Return the trend of each category by its number, 0 where none is believed: `[categories + 1]`."""
        trends = np.zeros(len(table.by_category) + 1)
        for name, spans in self._trends.items():
            trends[table.by_category.number_of(name)] = sum(value for value, span in spans if span[0] <= now < span[1])
        trends[0] = 0.0
        return trends


def _replace(kept: dict[Key, list[Kept]], key: Key, new: list[Kept]) -> None:
    kept.pop(key, None)
    if new:
        kept[key] = new


def _subject(scope: Scope, subject: str) -> str:
    """Return what all spellings of a scope's subject share; ids of items are exact."""
    return subject if scope == "item" else category_key(subject)


def places_of(query: Query) -> tuple[str, ...]:
    """Return where the user is: the event's place, its country, and the region of the locale.

    >>> from features.user_state import UserState
    >>> from schemas.interactions import Context
    >>> user = UserState(user_id="u1")
    >>> places_of(Query(user=user, now=0.0, context=Context(place="DE-BY"), locale="en-US"))
    ('de-by', 'de', 'us')
    """
    named = category_key(query.context.place)
    _, _, region = query.locale.replace("_", "-").partition("-")
    return tuple(dict.fromkeys(filter(None, (named, named.partition("-")[0], category_key(region)))))


class SharedNames(Struct, frozen=True):
    """The named facts of a user's newest items, ascending: `[names]`; and how much each says, by how new its items are,
    and by how much they were liked, too: `[2, names]`.
    """

    names: Numbers
    weights: Doubles


NO_NAMES = SharedNames(nothing(), np.zeros((2, 0)))


@once_per_query
def shared_names(context: RankingContext, table: ItemTable) -> SharedNames:
    """Return the facts by which items are compared with the user's newest ones."""
    knowledge = table.signal(OutsideKnowledge)
    recent, facts = context.recent[:COMPARED_ITEMS], knowledge.facts
    if not len(recent) or not facts.size:
        return NO_NAMES
    known = facts.names_at(recent, np.full((1, 1), context.query.now))
    trace = context.trace[: len(recent)] * facts.length_norm[recent]
    weights = np.stack([trace, trace * context.rewards[: len(recent)]])
    rows, slots = known.nonzero()
    names, index = np.unique(known[rows, slots], return_inverse=True)
    rarity = np.log((facts.size + 1.0) / np.maximum(facts.counts(names), 1)) ** 2
    summed = np.stack([np.bincount(index, own[rows], minlength=len(names)) for own in weights])
    return SharedNames(names.astype(np.int64), summed * rarity)


def similarity(context: RankingContext, table: ItemTable, items: Numbers) -> Doubles:
    """Return how much each item shares with the user's newest ones, and with the liked less the disliked ones among
    them: `[2, items]`.
    """
    shared, facts = shared_names(context, table), table.signal(OutsideKnowledge).facts
    if not len(shared.names):
        return np.zeros((2, len(items)))
    known = facts.names_at(items, np.full((1, 1), context.query.now))
    rows, is_found = find(shared.names, known)
    scores = np.where(is_found, shared.weights[:, rows], 0.0).sum(axis=-1)
    normed: Doubles = scores * facts.length_norm[items]
    return normed


def propose(context: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Return the items that share most with the user's newest ones."""
    shared, facts = shared_names(context, table), table.signal(OutsideKnowledge).facts
    rare = facts.counts(shared.names) <= COMMON_ITEM_COUNT
    if not rare.any():
        return nothing()
    found = [facts.postings.of(int(name)) for name in shared.names[rare]]
    items = np.concatenate(found).astype(np.int64)
    added = np.repeat(shared.weights[0, rare], list(map(len, found)))
    scores = table.summing.addends(items, len(table)).sum(added).times(facts.length_norm)
    best = scores.best(context.blocked, 2 * size)
    valid: Numbers = best[similarity(context, table, best)[0] > 0.0]
    return valid[:size]


def fill(batch: RankingBatch) -> Block:
    """Return whether the release is known, the days since it, what is shared with the user's items (as it is, relative
    to the list's best, and by what they liked), the trend, and how near a holiday is.
    """
    table, items = batch.table, batch.items
    knowledge = table.signal(OutsideKnowledge)
    released, trend = np.full(items.shape, np.nan), np.full(items.shape, np.nan)
    shared = np.zeros((2, *items.shape))
    if knowledge.facts.size:
        released = knowledge.facts.numbers[RELEASED].at(items, batch.now)
        trend = knowledge.facts.numbers[TREND].at(items, batch.now)
        shared = _similarities(batch)
    days = np.nan_to_num((batch.now - released) / DAY)
    return np.stack(
        [
            ~np.isnan(released),
            np.sign(days) * np.log1p(np.abs(days)) / 3.0,
            np.log1p(shared[0]) / 3.0,
            relative(np.log2(shared[0] + 1e-2), batch.mask),
            np.sign(shared[1]) * np.log1p(np.abs(shared[1])) / 3.0,
            np.clip(np.nan_to_num(trend) + _of_categories(batch), -1.0, 1.0),
            np.broadcast_to(_holidays(batch), items.shape),
        ]
    )


def _similarities(batch: RankingBatch) -> Doubles:
    rows = [similarity(context, batch.table, items) for context, items in zip(batch.contexts, batch.items, strict=True)]
    return np.stack(rows, axis=1)


def _of_categories(batch: RankingBatch) -> Doubles:
    """Return the strongest trend among each candidate's categories: `[users, candidates]`."""
    knowledge = batch.table.signal(OutsideKnowledge)
    strongest = np.zeros(batch.items.shape)
    if knowledge.has_trends and len(batch.categories):
        for row, context in enumerate(batch.contexts):
            trends = knowledge.category_trends(batch.table, context.query.now)[batch.categories[:, row]]
            best = np.abs(trends).argmax(axis=0)
            strongest[row] = np.take_along_axis(trends, best[None], axis=0)[0]
    return strongest


def _holidays(batch: RankingBatch) -> Doubles:
    knowledge = batch.table.signal(OutsideKnowledge)
    near = [knowledge.holiday_near(places_of(context.query), context.query.now) for context in batch.contexts]
    return np.array(near)[:, None]


def reason(context: RankingContext, table: ItemTable, item: int) -> str:
    """Return by which fact the item is like one of the user's newest ones, and who says so, as of now."""
    knowledge, now = table.signal(OutsideKnowledge), context.query.now
    shared = shared_names(context, table)
    own = knowledge.facts.names_of(item, now)
    rows, is_found = find(shared.names, own)
    if not is_found.any():
        return "shares facts with what you chose lately"
    best = int(own[is_found][shared.weights[0, rows[is_found]].argmax()])
    attribute, value = knowledge.facts.name(best)
    sources = next(
        (
            fact.sources
            for fact in knowledge.beliefs("item", table.ids[item], now).facts
            if fact.attribute == attribute and value_key(fact.value) == value_key(value)
        ),
        (),
    )
    return f"{attribute} {value}, as of what you chose lately (by {sources[0]})" if sources else f"{attribute} {value}"


OUTSIDE_SOURCE = CandidateSource(name="outside", propose=propose, size=15, reason=reason)
OUTSIDE_COLUMNS = FeatureGroup(
    group="outside",
    names=(
        "release_known",
        "since_release",
        "facts_shared",
        "facts_relative",
        "facts_liked",
        "trend",
        "holiday_near",
    ),
    fill=fill,
)
