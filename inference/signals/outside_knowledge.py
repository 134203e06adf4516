"""External knowledge: what sources outside say of items, categories, places and times (`features.outside_knowledge`).

Items are compared by the named facts that they share with the user's newest ones (a director, a material), by the
vector space model of `inference.signals.words`: a name weighs log(items / items with it), so a rare name says much.
Everything is read as of the query's event time. The source and the columns are there only where
`ranking.outside_knowledge` is on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import inf
from typing import TypeVar

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from features.decay import DAY
from features.outside_knowledge import Span, believed_spans, number_of, value_key
from features.signal_store import SignalStore
from inference.items.outside_facts import OutsideFacts
from inference.items.table import Doubles, ItemTable, Numbers, Signal
from inference.kernels.posting_addends import posting_addends
from inference.query import Query
from inference.ranking_context import RankingContext, once_per_query
from inference.signals.columns import Block, FeatureGroup, RankingBatch, relative
from inference.signals.source import CandidateSource, nothing
from schemas.ids import ItemId, category_key
from schemas.locales import locale_key
from schemas.signals import HOLIDAY, RELEASED, TREND, ExternalSignal, Scope, SignalKey, subject_in_key

COMPARED_ITEMS = 20
"""How many of the newest items are compared by their facts."""
HOLIDAY_DAYS = 2.0
"""How many days before a holiday its nearness is a half."""

_REGION = re.compile(r"[a-z]{2,8}(?:-[a-z]{3})*(?:-[a-z]{4})?-([a-z]{2}|[0-9]{3})(?:-|$)")
"""The region of a locale (BCP 47): after the language, its extensions and the script."""

COLUMN_NAMES = (
    "release_known",
    "since_release",
    "facts_shared",
    "facts_relative",
    "facts_liked",
    "trend",
    "holiday_near",
)

Ints = NDArray[np.int32]
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
    >>> [(fact.value, fact.sources) for fact in knowledge.said.beliefs("item", "heat", 1e9).facts]
    [('Michael Mann', ('studio',))]
    """

    def __init__(self, *, capacity: int) -> None:
        self.facts = OutsideFacts((RELEASED, TREND))
        self.said = SignalStore()
        self._trends: dict[str, list[tuple[float, Span]]] = {}
        self._holidays_at: dict[str, list[Span]] = {}
        self._holidays_everywhere: dict[str, list[Span]] = {}
        self._everywhere: Doubles = np.zeros((0, 2))
        """The holidays of all times, as an array."""

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` items."""
        self.facts.grow(capacity)

    def add(self, table: ItemTable, number: int) -> None:
        """Take what is said of a new item."""
        if self.said:
            self._settle_item(table, table.ids[number])

    def take(self, table: ItemTable, signal: ExternalSignal) -> None:
        """Replace what the signal's source says of its scope."""
        self.said.take(signal)
        self._settle(table, signal.scope, signal.subject)

    def forget(self, table: ItemTable, key: SignalKey) -> None:
        """Forget what the source says of the scope."""
        self.said.forget(key)
        self._settle(table, key.scope, key.subject)

    def holiday_near(self, subjects: Sequence[str], at: float) -> float:
        """Return how near a holiday is, there or everywhere: 1 on its day, a half `HOLIDAY_DAYS` before it."""
        local = [span for subject in subjects for span in self._holidays_at.get(subject, [])]
        since, until = np.concatenate([self._everywhere, np.reshape(local, (-1, 2))]).T
        waits = max(0.0, float((since[until > at] - at).min(initial=inf)))
        return float(np.exp2(-waits / DAY / HOLIDAY_DAYS))

    def _settle(self, table: ItemTable, scope: Scope, subject: str) -> None:
        """Work out anew what is believed of a scope, and when."""
        if scope == "item":
            if subject in table.number:
                self._settle_item(table, ItemId(subject))
            return
        believed, subject = believed_spans(self.said.said(scope, subject)), subject_in_key(scope, subject)
        holidays = [span for fact, span in believed if fact.attribute == HOLIDAY]
        trends = [(number_of(fact.value) or 0.0, span) for fact, span in believed if fact.attribute == TREND]
        match scope:
            case "place":
                _replace(self._holidays_at, subject, holidays)
            case "time":
                _replace(self._holidays_everywhere, subject, holidays)
                spans = [span for own in self._holidays_everywhere.values() for span in own]
                self._everywhere = np.reshape(spans, (-1, 2))
            case "category":
                _replace(self._trends, subject, trends)

    def _settle_item(self, table: ItemTable, item: ItemId) -> None:
        believed = believed_spans(self.said.said("item", item))
        if believed or self.facts.has_any:
            self.facts.put(table.number[item], believed, capacity=len(table.count))

    @property
    def has_trends(self) -> bool:
        """Whether the trend of anything is known."""
        return bool(self._trends) or self.facts.has(TREND)

    @property
    def has_holidays(self) -> bool:
        """Whether any holiday is known."""
        return bool(self._holidays_at) or bool(self._holidays_everywhere)

    def category_trends(self, table: ItemTable, now: Doubles) -> Doubles:
        """Return the trend of each category by its number at the event times `now [times, 1]`, 0 where none is
        believed: `[times, categories + 1]`.
        """
        trends = np.zeros((len(now), len(table.by_category) + 1))
        for name, spans in self._trends.items():
            value, span = np.array([value for value, _ in spans]), np.array([span for _, span in spans])
            is_believed = (span[:, 0] <= now) & (now < span[:, 1])
            trends[:, table.by_category.number_of(name)] = is_believed @ value
        trends[:, 0] = 0.0
        return trends


def _replace(kept: dict[Key, list[Kept]], key: Key, new: list[Kept]) -> None:
    kept.pop(key, None)
    if new:
        kept[key] = new


def places_of(query: Query) -> tuple[str, ...]:
    """Return where the user is: the event's place, its country, and the region of the locale.

    >>> from features.user_state import UserState
    >>> from schemas.interactions import Context
    >>> user = UserState(user_id="u1")
    >>> places_of(Query(user=user, now=0.0, context=Context(place="DE-BY"), locale="zh-Hant-TW"))
    ('de-by', 'de', 'tw')
    """
    named, region = category_key(query.context.place), _REGION.match(locale_key(query.locale))
    return tuple(dict.fromkeys(filter(None, (named, named.partition("-")[0], region[1] if region else ""))))


class SharedNames(Struct, frozen=True):
    """The named facts of a user's newest items.

    `known` are those of each item, int32 `[recent, NAMES_PER_ITEM]`, 0 for none, and `weights` the items' `[recent]`.
    `names` are the same facts, each once: `[names]`; `sums` are what each says, by how new its items are, and by how
    much they were liked, too: `[2, 1 + names]`, 0 in the first column, for none.
    """

    known: Ints
    weights: Doubles
    names: Ints
    sums: Doubles


@once_per_query
def shared_names(context: RankingContext, table: ItemTable) -> SharedNames | None:
    """Return the facts by which items are compared with the user's newest ones; none without any."""
    recent, facts = context.recent[:COMPARED_ITEMS], table.signal(OutsideKnowledge).facts
    if not len(recent) or not facts.size:
        return None
    known = facts.names_at(recent, np.full((1, 1), context.query.now))
    rows, slots = known.nonzero()
    if not len(rows):
        return None
    weights = context.trace[: len(recent)] * facts.length_norm[recent]
    names, index = np.unique(known[rows, slots], return_inverse=True)
    rarity = np.log((facts.size + 1.0) / facts.counts(names)) ** 2
    sums = np.zeros((2, 1 + len(names)))
    for own, weighed in zip(sums, (weights, weights * context.rewards[: len(recent)]), strict=True):
        own[1:] = rarity * np.bincount(index, weighed[rows], minlength=len(names))
    return SharedNames(known, weights, names, sums)


def similarity(context: RankingContext, table: ItemTable, items: Numbers) -> Doubles:
    """Return how much each item shares with the user's newest ones, and with the liked less the disliked ones among
    them: `[2, items]`.
    """
    shared, facts = shared_names(context, table), table.signal(OutsideKnowledge).facts
    if shared is None:
        return np.zeros((2, len(items)))
    known = facts.names_at(items, np.full((1, 1), context.query.now))
    scores: Doubles = shared.sums.take(facts.rows_among(shared.names, known), axis=1).sum(axis=-1)
    scores *= facts.length_norm[items]
    return scores


def propose(context: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Return the items that share most with the user's newest ones."""
    shared, facts = shared_names(context, table), table.signal(OutsideKnowledge).facts
    if shared is None:
        return nothing()
    items, added = posting_addends(shared.known, shared.weights, facts.rarity(), facts.postings.arrays)
    if not len(items):
        return nothing()
    scores = table.summing.addends(items, len(table)).sum(added).times(facts.length_norm)
    if not facts.have_spans:
        return scores.best(context.blocked, size)
    best = scores.best(context.blocked, 2 * size)
    valid: Numbers = best[similarity(context, table, best)[0] > 0.0]
    return valid[:size]


def fill(batch: RankingBatch) -> Block:
    """Return whether the release is known, the days since it, what is shared with the user's items (as it is, relative
    to the list's best, and by what they liked), the trend, and how near a holiday is.
    """
    table, items = batch.table, batch.items
    knowledge = table.signal(OutsideKnowledge)
    block = np.zeros((len(COLUMN_NAMES), *items.shape))
    if knowledge.facts.has_any:
        days = (batch.now - knowledge.facts.numbers[RELEASED].at(items, batch.now)) / DAY
        block[0] = ~np.isnan(days)
        block[1] = _signed_log(np.nan_to_num(days))
        shared, liked = _similarities(batch)
        block[2], block[4] = _signed_log(shared), _signed_log(liked)
        block[3] = relative(np.log2(shared + 1e-2), batch.mask)
    if knowledge.has_trends:
        own = knowledge.facts.numbers[TREND].at(items, batch.now) if knowledge.facts.has_any else np.zeros(items.shape)
        block[5] = np.clip(np.nan_to_num(own) + _of_categories(batch), -1.0, 1.0)
    if knowledge.has_holidays:
        block[6] = _holidays(batch)
    return block


def _signed_log(values: Doubles) -> Doubles:
    logs: Doubles = np.sign(values) * np.log1p(np.abs(values)) / 3.0
    return logs


def _similarities(batch: RankingBatch) -> Doubles:
    rows = [similarity(context, batch.table, items) for context, items in zip(batch.contexts, batch.items, strict=True)]
    return np.stack(rows, axis=1)


def _of_categories(batch: RankingBatch) -> Doubles:
    """Return the strongest trend among each candidate's categories: `[users, candidates]`."""
    if not len(batch.categories):
        return np.zeros(batch.items.shape)
    by_user = batch.table.signal(OutsideKnowledge).category_trends(batch.table, batch.now)
    trends = by_user[np.arange(len(by_user))[:, None], batch.categories]
    best = np.abs(trends).argmax(axis=0)
    strongest: Doubles = np.take_along_axis(trends, best[None], axis=0)[0]
    return strongest


def _holidays(batch: RankingBatch) -> Doubles:
    knowledge = batch.table.signal(OutsideKnowledge)
    near = [knowledge.holiday_near(places_of(context.query), context.query.now) for context in batch.contexts]
    return np.array(near)[:, None]


def reason(context: RankingContext, table: ItemTable, item: int) -> str:
    """Return the rarest fact that the item shares with the newest of the user's items, that item, and who says so."""
    knowledge, now = table.signal(OutsideKnowledge), context.query.now
    shared, own = shared_names(context, table), knowledge.facts.names_of(item, now)
    rows = np.zeros(0, np.int32) if shared is None else knowledge.facts.rows_among(shared.names, own)
    if shared is None or not rows.any():
        return "has something in common with what you chose lately"
    name = int(own[shared.sums[0, rows].argmax()])
    attribute, value = knowledge.facts.name(name)
    like = table.ids[context.recent[(shared.known == name).any(axis=1).argmax()]]
    [fact] = [
        fact
        for fact in knowledge.said.beliefs("item", table.ids[item], now).facts
        if fact.attribute == attribute and value_key(fact.value) == value_key(value)
    ]
    return f"same {attribute} as {table.title(like) or like}: {fact.value} ({fact.sources[0]})"


OUTSIDE_SOURCE = CandidateSource(name="outside", propose=propose, size=15, reason=reason)
OUTSIDE_COLUMNS = FeatureGroup(
    group="outside",
    names=COLUMN_NAMES,
    fill=fill,
)
