"""What is believed of external knowledge: contradictions between sources are settled by trust, then by time.

Of each attribute, the source with the most trust is believed while what it says is valid; of equally trusted ones the
one that said so last. One source does not contradict itself: all values that it gives at a time hold together. What is
not valid at the event time asked about counts nothing, so that a stale fact never hides a less trusted one that holds.
Every belief keeps the sources that say so, and every fact that lost keeps the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from math import inf

from msgspec import Struct

from schemas.ids import category_key
from schemas.signals import ExternalSignal, OutsideDocument, OutsideFact

Value = str | float | bool
Span = tuple[float, float]
"""From when on, and before when."""
SourceRank = tuple[float, float, str]
"""The order in which sources are believed: trust, then time, then name, so that there is no draw."""


class SourcedFact(Struct, frozen=True):
    """A fact as one source gives it, valid from `since` on and before `until`."""

    attribute: str
    value: Value
    source: str
    trust: float
    recorded_at: float
    since: float
    until: float

    @property
    def rank(self) -> SourceRank:
        """Where its source stands among those that are believed."""
        return source_rank(self)

    def is_valid(self, at: float) -> bool:
        """Return whether it is valid at this event time."""
        return self.since <= at < self.until


def source_rank(said: SourcedFact | ExternalSignal) -> SourceRank:
    """Return where the source of a fact or a signal stands among those that are believed: the best one comes first."""
    return (-said.trust, -said.recorded_at, said.source)


class BelievedFact(Struct, frozen=True):
    """A value that is believed at a time, with every source that says so, the most trusted first."""

    attribute: str
    value: Value
    trust: float
    sources: tuple[str, ...]


class LostFact(Struct, frozen=True):
    """A fact that is not believed at a time, and why."""

    fact: SourcedFact
    why: str


class SourcedDocument(Struct, frozen=True):
    """A document that is valid at a time, and its source."""

    title: str
    text: str
    source: str
    trust: float


class Beliefs(Struct, frozen=True):
    """What is believed of one scope at a time, by attribute, and what is not."""

    facts: tuple[BelievedFact, ...] = ()
    lost: tuple[LostFact, ...] = ()
    documents: tuple[SourcedDocument, ...] = ()


def beliefs_at(said: Iterable[ExternalSignal], at: float) -> Beliefs:
    """Return what is believed of one scope at event time `at`, of all that its sources say; a record for each source.

    >>> def says(source, trust, value):
    ...     fact = OutsideFact(attribute="director", value=value)
    ...     return ExternalSignal(
    ...         scope="item", subject="heat", source=source, trust=trust, recorded_at=0.0, facts=(fact,)
    ...     )
    >>> beliefs = beliefs_at([says("fans", 0.2, "M. Man"), says("studio", 0.9, "Michael Mann")], 1e9)
    >>> [(fact.value, fact.sources) for fact in beliefs.facts]
    [('Michael Mann', ('studio',))]
    >>> [(lost.fact.value, lost.why) for lost in beliefs.lost]
    [('M. Man', 'studio is trusted more')]
    """
    said = list(said)
    facts: list[BelievedFact] = []
    lost: list[LostFact] = []
    for attribute, given in _by_attribute(said):
        valid = sorted((fact for fact in given if fact.is_valid(at) and fact.trust > 0.0), key=lambda fact: fact.rank)
        believed = [fact for fact in valid if fact.source == valid[0].source]
        keys = {value_key(fact.value) for fact in believed}
        facts += _believed(attribute, believed, valid)
        lost += [LostFact(fact, _why(fact, at, valid)) for fact in given if not _holds(fact, at, keys)]
    return Beliefs(tuple(facts), tuple(lost), _documents(said, at))


def value_key(value: Value) -> Value:
    """Return what all spellings of one value share.

    >>> value_key(" Michael  MANN") == value_key("Michael Mann")
    True
    """
    return category_key(value) if isinstance(value, str) else value


def next_change(said: Iterable[ExternalSignal], at: float) -> float | None:
    """Return the first time after `at` at which a fact or a document begins or ends; none if none does.

    >>> snow = OutsideFact(attribute="weather", value="snow", valid_from=5.0, valid_until=9.0)
    >>> said = [ExternalSignal(scope="place", subject="DE", source="met", recorded_at=0.0, facts=(snow,))]
    >>> [next_change(said, at) for at in (0.0, 5.0, 9.0)]
    [5.0, 9.0, None]
    """
    parts = [part for signal in said for part in (*signal.facts, *signal.documents)]
    bounds = [bound for part in parts for bound in (part.valid_from, part.valid_until) if bound is not None]
    return min((bound for bound in bounds if bound > at), default=None)


def number_of(value: Value) -> float | None:
    """Return a value that is a number; none for a name, and for yes and no.

    >>> number_of(0.5), number_of("0.5"), number_of(True)
    (0.5, None, None)
    """
    return None if isinstance(value, str | bool) else float(value)


def believed_spans(said: Iterable[ExternalSignal]) -> list[tuple[SourcedFact, Span]]:
    """Return every fact that is believed at some time, with each time span in which it is: as `beliefs_at` has it at
    any event time, worked out once.

    >>> def says(source, trust, value, **valid):
    ...     fact = OutsideFact(attribute="released", value=value, **valid)
    ...     return ExternalSignal(
    ...         scope="item", subject="heat", source=source, trust=trust, recorded_at=0.0, facts=(fact,)
    ...     )
    >>> said = [says("studio", 0.9, 5.0, valid_from=10.0, valid_until=20.0), says("fans", 0.2, 6.0)]
    >>> [(fact.value, span) for fact, span in believed_spans(said)]
    [(5.0, (10.0, 20.0)), (6.0, (-inf, 10.0)), (6.0, (20.0, inf))]
    """
    spans: list[tuple[SourcedFact, Span]] = []
    for _, given in _by_attribute(said):
        covered: list[Span] = []
        ranked = sorted((fact for fact in given if fact.trust > 0.0), key=lambda fact: fact.rank)
        for _, of_source in groupby(ranked, key=lambda fact: fact.rank):
            own = list(of_source)
            spans += [(fact, span) for fact in own for span in _without((fact.since, fact.until), covered)]
            covered = merged_spans([*covered, *((fact.since, fact.until) for fact in own)])
    return spans


def merged_spans(spans: Sequence[Span]) -> list[Span]:
    """Return the union of spans, ascending and disjoint.

    >>> merged_spans([(5.0, 9.0), (1.0, 3.0), (3.0, 4.0)])
    [(1.0, 4.0), (5.0, 9.0)]
    """
    merged: list[Span] = []
    for since, until in sorted(spans):
        if merged and since <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(until, merged[-1][1]))
        else:
            merged.append((since, until))
    return merged


def _by_attribute(said: Iterable[ExternalSignal]) -> Iterator[tuple[str, list[SourcedFact]]]:
    """Yield each attribute, its name in one spelling, with the facts that all sources give of it."""
    given = [_sourced(signal, fact) for signal in said for fact in signal.facts]
    for attribute, facts in groupby(sorted(given, key=lambda fact: fact.attribute), key=lambda fact: fact.attribute):
        yield attribute, list(facts)


def _sourced(signal: ExternalSignal, fact: OutsideFact) -> SourcedFact:
    return SourcedFact(
        attribute=category_key(fact.attribute),
        value=fact.value,
        source=signal.source,
        trust=signal.trust,
        recorded_at=signal.recorded_at,
        since=-inf if fact.valid_from is None else fact.valid_from,
        until=inf if fact.valid_until is None else fact.valid_until,
    )


def _believed(attribute: str, believed: Sequence[SourcedFact], valid: Sequence[SourcedFact]) -> Iterator[BelievedFact]:
    """Yield each believed value once, with the sources of the same value among the valid facts."""
    for key, fact in {value_key(fact.value): fact for fact in reversed(believed)}.items():
        sources = tuple(dict.fromkeys(other.source for other in valid if value_key(other.value) == key))
        yield BelievedFact(attribute, fact.value, fact.trust, sources)


def _holds(fact: SourcedFact, at: float, believed: set[Value]) -> bool:
    return fact.is_valid(at) and fact.trust > 0.0 and value_key(fact.value) in believed


def _why(fact: SourcedFact, at: float, valid: Sequence[SourcedFact]) -> str:
    """Return why a fact is not believed; `valid` are those that might be, the winner first."""
    if fact.trust <= 0.0:
        return "its source is not trusted"
    if at >= fact.until:
        return "no longer valid"
    if at < fact.since:
        return "not valid yet"
    winner = valid[0]
    if winner.trust > fact.trust:
        return f"{winner.source} is trusted more"
    return f"{winner.source} {'said so later' if winner.recorded_at > fact.recorded_at else 'comes first by its name'}"


def _documents(said: Iterable[ExternalSignal], at: float) -> tuple[SourcedDocument, ...]:
    """Return the documents that are valid, the most trusted source's first."""
    ranked = sorted(said, key=source_rank)
    return tuple(
        SourcedDocument(document.title, document.text, signal.source, signal.trust)
        for signal in ranked
        for document in signal.documents
        if signal.trust > 0.0 and _is_valid(document, at)
    )


def _is_valid(document: OutsideDocument, at: float) -> bool:
    begins = -inf if document.valid_from is None else document.valid_from
    ends = inf if document.valid_until is None else document.valid_until
    return begins <= at < ends


def _without(span: Span, covered: Sequence[Span]) -> Iterator[Span]:
    """Yield the parts of a span that no covered one has; those ascend and are disjoint."""
    begin, end = span
    for since, until in covered:
        if since > begin:
            yield begin, min(since, end)
        begin = max(begin, until)
        if begin >= end:
            return
    yield begin, end
