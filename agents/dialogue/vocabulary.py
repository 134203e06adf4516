"""The words of a conversation that a language has: how limits on facts, answers and reactions are said."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

from agents.dialogue.catalogue import Concept
from agents.dialogue.limits import Operator

Direction = Literal["high", "low"]
Bound = tuple[Operator, Concept | None]
"""A phrase beside a number: how it bounds, and what the number is about if the phrase says it."""

DEFAULT_OPERATORS: dict[Concept, Operator] = {"length": "<=", "price": "<=", "score": ">=", "count": ">=", "date": "=="}
"""What a number alone means as an answer to a question."""


class DialogueWords(Struct, frozen=True, kw_only=True):
    """One language. Phrases are lower-case words with single blanks between; longer ones count first.

    `nouns` name a field, `units` follow a number of it; `adjectives` stand for its high or low end, alone or after
    `too`, and `comparatives` compare with what was just recommended. `hours` are durations to be counted in minutes.
    """

    nouns: dict[Concept, tuple[str, ...]]
    units: dict[str, Concept]
    adjectives: dict[str, tuple[Concept, Direction]]
    comparatives: dict[str, tuple[Concept, Direction]]
    bounds_before: dict[str, Bound]
    bounds_after: dict[str, Operator]
    exactly: frozenset[str]
    ranges: tuple[tuple[str, str], ...]
    negations: tuple[str, ...]
    affirmations: tuple[str, ...]
    alternatives: frozenset[str]
    possessives: frozenset[str]
    owning: tuple[str, ...]
    too: frozenset[str]
    indifferent: tuple[str, ...]
    accepts: tuple[str, ...]
    refuses: tuple[str, ...]
    numbers: dict[str, float]
    hours: re.Pattern[str]
    half_hours: tuple[tuple[str, str], ...]
    decades: re.Pattern[str]


def numbered(names: str) -> dict[str, float]:
    """Return number words with what they mean, from one on.

    >>> numbered("one two")
    {'one': 1.0, 'two': 2.0}
    """
    return {name: float(number) for number, name in enumerate(names.split(), 1)}
