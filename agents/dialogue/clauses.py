"""Words of a text as tokens, clause by clause, and the phrases among them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from agents.dialogue.vocabulary import DialogueWords

_SENTENCE_END = re.compile(r"[.;!?\n]+(?=\s|$)")
_WORD = re.compile(r"[\w']+(?:[.,]\d+(?![\w]))?|,")
_LONGEST_PHRASE = 5


@dataclass
class SpokenClause:
    """A sentence: its words as written and in lower case; `used` are positions that are explained already."""

    written: list[str]
    used: set[int] = field(default_factory=set)
    words: list[str] = field(init=False)

    def __post_init__(self) -> None:
        """Lower the words once."""
        self.words = [word.lower() for word in self.written]

    def phrase(self, start: int, length: int) -> str:
        """Return the words from a position on, with single blanks between."""
        return " ".join(self.words[start : start + length])

    def starting(self, at: int, phrases: Collection[str]) -> str:
        """Return the longest of these phrases that begins at a position; empty if none does."""
        if at < 0:
            return ""
        lengths = range(min(_LONGEST_PHRASE, len(self.words) - at), 0, -1)
        return next((said for length in lengths if (said := self.phrase(at, length)) in phrases), "")

    def ending(self, end: int, phrases: Collection[str]) -> str:
        """Return the longest of these phrases that ends before a position; empty if none does."""
        lengths = range(min(_LONGEST_PHRASE, end), 0, -1)
        return next((said for length in lengths if (said := self.phrase(end - length, length)) in phrases), "")

    def found(self, phrases: Collection[str]) -> Iterator[tuple[int, str]]:
        """Yield each of these phrases with its position, the longest at each; they do not overlap."""
        at = 0
        while at < len(self.words):
            said = self.starting(at, phrases)
            if said:
                yield at, said
            at += max(1, len(said.split()))

    def has(self, phrases: Collection[str]) -> bool:
        """Return whether any of these phrases is in the clause."""
        return next(self.found(phrases), None) is not None


def clauses_of(text: str, words: DialogueWords) -> list[SpokenClause]:
    """Return the clauses of a text; durations in hours are written in minutes, decades as ranges of years.

    >>> from agents.dialogue.english import ENGLISH_DIALOGUE
    >>> [clause.words for clause in clauses_of("No horror! At most 1h30.", ENGLISH_DIALOGUE)]
    [['no', 'horror'], ['at', 'most', '90', 'minutes']]
    """
    text = text.replace("\u2019", "'").replace("\u2013", "-")
    text = re.sub(r"(?<=\d)\s*-\s*(?=\d)", f" {words.ranges[2][1]} ", text)
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    for pattern, minutes in words.half_hours:
        text = re.sub(pattern, minutes, text, flags=re.IGNORECASE)
    for name, number in words.numbers.items():
        text = re.sub(rf"\b{name}(?=(?:\.5)? (?:{_AFTER_NUMBERS}))", f"{number:.0f}", text, flags=re.IGNORECASE)
    text = words.hours.sub(lambda found: _minutes(found, words), text)
    text = words.decades.sub(lambda found: _years(found, words), text)
    return [SpokenClause(found) for part in _SENTENCE_END.split(text) if (found := _WORD.findall(part))]


_AFTER_NUMBERS = r"hours?|hrs?|minutes?|mins?|stars?|points?|stunden?|minuten?|sternen?|punkten?|or|oder"


def _minutes(found: re.Match[str], words: DialogueWords) -> str:
    minutes = float(found["hours"].replace(",", ".")) * 60 + float(found["minutes"] or found["after"] or 0)
    unit = next(unit for unit, concept in words.units.items() if concept == "length")
    return f"{minutes:g} {unit}"


def _years(found: re.Match[str], words: DialogueWords) -> str:
    decade = int(found["decade"])
    first = 100 * int(found["century"] or (20 if decade <= 20 else 19)) + decade
    opening, joint = words.ranges[0]
    return f"{opening} {first} {joint} {first + 9}"


def number_at(clause: SpokenClause, at: int) -> float | None:
    """Return the number at a position, if there is one.

    >>> number_at(SpokenClause(["at", "least", "6.5"]), 2), number_at(SpokenClause(["at", "least"]), 1)
    (6.5, None)
    """
    if not 0 <= at < len(clause.words) or at in clause.used:
        return None
    word = clause.words[at].replace(",", ".")
    return float(word) if re.fullmatch(r"\d+(\.\d+)?", word) else None


def nearest(clause: SpokenClause, at: int, phrases: Sequence[str]) -> int | None:
    """Return the distance in words from a position to the nearest of these phrases, if there is any.

    What stands behind counts as one word further away than what stands before.
    """
    distances = [
        at - start - len(said.split()) + 1 if start < at else start - at + 1
        for start, said in clause.found(phrases)
        if start != at
    ]
    return min(distances, default=None)
