"""Names of the catalogue in a text, and whether they are wanted or not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agents.dialogue.catalogue import FactField, OfferedCatalogue
from agents.dialogue.clauses import SpokenClause, nearest
from agents.dialogue.limits import FactLimit, Operator
from agents.dialogue.vocabulary import DialogueWords
from features.attribute_values import name_key

_LONGEST_NAME = 8
_SHORT_NAME = 3
"""Names of at most as many letters have to be written as the catalogue does: `R` is a rating, `r` is a slip."""


@dataclass(frozen=True)
class Mention:
    """A value of a field that a clause names, from `start` to `end`; `wanted` unless it is denied."""

    field: FactField
    value: str
    start: int
    end: int
    wanted: bool


class NameIndex:
    """Every name in the facts of a catalogue, by its words."""

    def __init__(self, catalogue: OfferedCatalogue) -> None:
        self._by_words: defaultdict[str, list[tuple[FactField, str]]] = defaultdict(list)
        for field in catalogue.fields.values():
            for value in field.values:
                self._by_words[_spelling(value)].append((field, value))

    def mentions(self, clause: SpokenClause, words: DialogueWords, asked: str) -> list[Mention]:
        """Return what the clause names, from left to right, the longest names first; marks the words as used."""
        found, at = list[Mention](), 0
        while at < len(clause.words):
            mention = self._mention(clause, at, words, asked, found[-1] if found else None)
            if mention is not None:
                found.append(mention)
                clause.used |= set(range(mention.start, mention.end))
            at = mention.end if mention is not None else at + 1
        return found

    def _mention(
        self, clause: SpokenClause, at: int, words: DialogueWords, asked: str, last: Mention | None
    ) -> Mention | None:
        if at > 0 and clause.words[at - 1] in words.possessives:
            return None
        for length in range(min(_LONGEST_NAME, len(clause.words) - at), 0, -1):
            if clause.words[at] == "," or clause.words[at + length - 1] == ",":
                continue
            named = self._named(clause, at, length, asked)
            if named:
                field, value = min(named, key=lambda one: _distance(clause, at, one[0], words, asked))
                return Mention(field, value, at, at + length, _is_wanted(clause, at, words, last, field))
        return None

    def _named(self, clause: SpokenClause, at: int, length: int, asked: str) -> list[tuple[FactField, str]]:
        key = clause.phrase(at, length)
        named = next((self._by_words[form] for form in _singulars(key) if form in self._by_words), [])
        written = " ".join(clause.written[at : at + length])
        return [
            (field, value)
            for field, value in named
            if (len(key) > _SHORT_NAME and not key.isdigit())
            or field.name == asked
            or (not key.isdigit() and written == value.replace("-", " "))
        ]


def limits_of(mentions: Sequence[Mention], clause: SpokenClause, words: DialogueWords) -> Iterator[FactLimit]:
    """Yield the limits that the names of one clause state.

    Several wanted names of a field that has one value are alternatives, and so are names that `or` joins; otherwise
    an item has to have each of them.
    """
    groups: defaultdict[tuple[str, bool], list[Mention]] = defaultdict(list)
    for mention in mentions:
        groups[mention.field.name, mention.wanted].append(mention)
    for (name, wanted), group in groups.items():
        values = tuple(dict.fromkeys(mention.value for mention in group))
        field = group[0].field
        if field.kind == "name":
            yield FactLimit(name, "in" if wanted else "not_in", values)
        elif wanted and len(values) > 1 and (field.concept == "service" or _are_alternatives(group, clause, words)):
            yield FactLimit(name, "contains_any", values)
        else:
            op: Operator = "contains" if wanted else "not_contains"
            yield from (FactLimit(name, op, value) for value in values)


def nouns_of(field: FactField, words: DialogueWords) -> tuple[str, ...]:
    """Return the phrases that name a field: those of its concept, and its own name."""
    known = words.nouns[field.concept] if field.concept is not None else ()
    own = field.words.lower()
    return (*known, own, own.removesuffix("s"))


def _are_alternatives(group: Sequence[Mention], clause: SpokenClause, words: DialogueWords) -> bool:
    between = clause.words[group[0].start : group[-1].end]
    return any(word in words.alternatives for word in between)


def _distance(clause: SpokenClause, at: int, field: FactField, words: DialogueWords, asked: str) -> float:
    """Return how far a field is from being meant at a position: nothing if it was asked about."""
    if field.name == asked:
        return 0.0
    distance = nearest(clause, at, nouns_of(field, words))
    return 1.0 + distance if distance is not None else 100.0 - field.coverage


def _is_wanted(clause: SpokenClause, at: int, words: DialogueWords, last: Mention | None, field: FactField) -> bool:
    """Return whether the nearest sign before a name, as far as one reaches, does not deny it.

    A denial reaches over a comma only from one name of a field to the next.
    """
    signs = [(start + len(said.split()), True) for start, said in clause.found(words.affirmations)]
    signs += [(start + len(said.split()), False) for start, said in clause.found(words.negations)]
    end, is_wanted = max(
        (sign for sign in signs if sign[0] <= at), key=lambda sign: sign[0] - 0.5 * sign[1], default=(0, True)
    )
    if is_wanted or last is None or "," not in clause.words[end:at]:
        return is_wanted or "," in clause.words[end:at]
    is_list = set(clause.words[last.end : at]) <= {",", "and", "nor", "und", "noch"} | words.alternatives
    return last.wanted or not is_list or last.field.name != field.name


def _spelling(value: str) -> str:
    """Return the words of a name as clauses have them, in lower case."""
    return " ".join(name_key(value).replace("-", " ").split())


def _singulars(key: str) -> Iterator[str]:
    """Yield what a name may be in the catalogue: as said, and without a plural ending."""
    yield key
    for plural, singular in (("ies", "y"), ("es", ""), ("s", ""), ("e", ""), ("n", "")):
        if key.endswith(plural) and len(key) > len(plural) + _SHORT_NAME:
            yield key.removesuffix(plural) + singular
