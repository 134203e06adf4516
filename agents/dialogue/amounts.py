"""Numbers, years and comparisons in a text, as limits on fields of numbers and dates."""

from __future__ import annotations

from collections.abc import Iterator

from agents.dialogue.catalogue import Concept, FactField, ItemOnOffer, OfferedCatalogue
from agents.dialogue.clauses import SpokenClause, nearest, number_at
from agents.dialogue.limits import OPPOSITES, FactLimit, Operator, year_of
from agents.dialogue.mentions import nouns_of
from agents.dialogue.vocabulary import DEFAULT_OPERATORS, DialogueWords, Direction

YEARS = (1850, 2150)
"""Whole numbers in between may be years."""
_SECONDS_FROM, _HOURS_TO = 1_000.0, 10.0
"""A catalogue whose median length is above or below counts in seconds or in hours, else in minutes."""
_TERTILES: dict[Direction, float] = {"low": 1 / 3, "high": 2 / 3}


def amounts(
    clause: SpokenClause, catalogue: OfferedCatalogue, words: DialogueWords, asked: str, offered: ItemOnOffer | None
) -> Iterator[FactLimit]:
    """Yield the limits that the numbers and comparisons of a clause state.

    `asked` is the field of the question that the text answers, `offered` the item that it reacts to.
    """
    reader = _Amounts(clause, catalogue, words, asked)
    yield from reader.ranges()
    yield from reader.numbers()
    yield from _comparisons(clause, catalogue, words, offered)


class _Amounts:
    def __init__(self, clause: SpokenClause, catalogue: OfferedCatalogue, words: DialogueWords, asked: str) -> None:
        self._clause, self._catalogue, self._words, self._asked = clause, catalogue, words, asked

    def ranges(self) -> Iterator[FactLimit]:
        """Yield both ends of each range such as "between 90 and 120 minutes"."""
        clause = self._clause
        for at in range(len(clause.words) - 2):
            low, high, joint = number_at(clause, at), number_at(clause, at + 2), clause.words[at + 1]
            before = clause.words[at - 1] if at > 0 else ""
            if low is None or high is None or low > high:
                continue
            if any(joint == between and opening in ("", before) for opening, between in self._words.ranges):
                field = self._field(at + 2, high)
                if field is not None:
                    clause.used |= {at, at + 1, at + 2}
                    yield self._limit(field, ">=", low)
                    yield self._limit(field, "<=", high)

    def numbers(self) -> Iterator[FactLimit]:
        """Yield a limit for each number that is left."""
        for at in range(len(self._clause.words)):
            number = number_at(self._clause, at)
            if number is None:
                continue
            op, concept = self._bound(at)
            field = self._catalogue.of(concept) if concept is not None else self._field(at, number)
            if field is not None:
                self._clause.used.add(at)
                yield self._limit(field, op or self._default(field), number)

    def _bound(self, at: int) -> tuple[Operator | None, Concept | None]:
        clause, words = self._clause, self._words
        before = clause.ending(at, words.bounds_before)
        has_unit = at + 1 < len(clause.words) and clause.words[at + 1] in words.units
        after = clause.starting(at + 1 + has_unit, words.bounds_after)
        if after and words.bounds_before.get(before, (None, None))[1] is None:
            return words.bounds_after[after], None
        if clause.ending(at, words.exactly):
            return "==", None
        if not before:
            return None, None
        op, concept = words.bounds_before[before]
        start = at - len(before.split())
        is_denied = clause.ending(start, words.negations) or (
            start > 0 and clause.words[start - 1] == "be" and clause.ending(start - 1, words.negations)
        )
        return (OPPOSITES[op] if is_denied else op), concept

    def _field(self, at: int, number: float) -> FactField | None:
        """Return what the number at a position is about."""
        unit = self._clause.words[at + 1] if at + 1 < len(self._clause.words) else ""
        if unit in self._words.units:
            return self._catalogue.of(self._words.units[unit])
        numeric = [field for field in self._catalogue.fields.values() if field.kind in ("number", "date")]
        distances = {field.name: nearest(self._clause, at, nouns_of(field, self._words)) for field in numeric}
        may_be_year = number.is_integer() and YEARS[0] <= number <= YEARS[1]
        named = [
            (distance, field)
            for field in numeric
            if (distance := distances[field.name]) is not None and (may_be_year or field.concept != "date")
        ]
        if named:
            return min(named, key=lambda one: one[0])[1]
        if (field := self._catalogue.fields.get(self._asked)) is not None and field in numeric:
            return field
        return self._catalogue.of("date") if may_be_year else None

    def _default(self, field: FactField) -> Operator:
        return DEFAULT_OPERATORS.get(field.concept, ">=") if field.concept is not None else ">="

    def _limit(self, field: FactField, op: Operator, number: float) -> FactLimit:
        if field.concept == "length":
            number *= _minute(self._catalogue.median(field.name))
        return FactLimit(field.name, op, number)


def _minute(median: float | None) -> float:
    """Return a minute in the unit in which a catalogue with this median counts lengths."""
    if median is None:
        return 1.0
    return 60.0 if median > _SECONDS_FROM else 1 / 60 if median < _HOURS_TO else 1.0


def _comparisons(
    clause: SpokenClause, catalogue: OfferedCatalogue, words: DialogueWords, offered: ItemOnOffer | None
) -> Iterator[FactLimit]:
    """Yield what "too long" or "something newer" say of the item on offer, and "something short" of the catalogue."""
    for at, said in clause.found(words.comparatives):
        concept, direction = words.comparatives[said]
        if clause.starting(at, words.bounds_before) or offered is None:
            continue
        yield from _beyond(catalogue, concept, direction, offered)
    for at, said in clause.found(words.adjectives):
        concept, direction = words.adjectives[said]
        if at == 0 or not clause.starting(at - 1, words.nouns[concept]):  # "how long" names the field
            yield from _adjective(clause, catalogue, words, at, offered)


def _adjective(
    clause: SpokenClause, catalogue: OfferedCatalogue, words: DialogueWords, at: int, offered: ItemOnOffer | None
) -> Iterator[FactLimit]:
    """Yield what "long", "too long", "not long" or "not too long" says at a position."""
    concept, direction = words.adjectives[clause.starting(at, words.adjectives)]
    is_too_much = at > 0 and clause.words[at - 1] in words.too
    is_denied = bool(clause.ending(at - is_too_much, words.negations))
    if is_too_much and is_denied:
        yield from _third(catalogue, concept, direction, is_too_much=True)
    elif offered is not None and (is_too_much or is_denied):
        yield from _beyond(catalogue, concept, _other(direction) if is_too_much else direction, offered)
    elif offered is None and not is_too_much:
        yield from _third(catalogue, concept, direction, is_too_much=is_denied)


def _other(direction: Direction) -> Direction:
    return "low" if direction == "high" else "high"


def _beyond(
    catalogue: OfferedCatalogue, concept: Concept, direction: Direction, offered: ItemOnOffer
) -> Iterator[FactLimit]:
    """Yield the limit that excludes the offered item, and all that lies on its side."""
    field = catalogue.of(concept)
    fact = offered.facts.get(field.name) if field is not None else None
    if field is not None and fact is not None:
        yield FactLimit(field.name, ">" if direction == "high" else "<", fact)


def _third(
    catalogue: OfferedCatalogue, concept: Concept, direction: Direction, *, is_too_much: bool
) -> Iterator[FactLimit]:
    """Yield the limit to the lower or upper third of the catalogue, or to what is outside it."""
    field = catalogue.of(concept)
    if field is None:
        return
    facts = [item.facts.get(field.name) for item in catalogue.items.values()]
    numbers = sorted(float(v) if isinstance(v, int | float) else year_of(v) or 0.0 for v in facts if v is not None)
    if numbers:
        value = numbers[int(_TERTILES[direction] * (len(numbers) - 1))]
        yield FactLimit(field.name, "<=" if (direction == "low") != is_too_much else ">=", value)
