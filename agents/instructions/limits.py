"""Limits in words: "under 20 euros", "shorter than two hours", "between 1990 and 2000", "from the 80s"."""

from __future__ import annotations

import re
from math import isfinite

from msgspec import Struct

from agents.instructions.vocabulary import Vocabulary
from features.item_facts import age_of
from schemas.bounds import LARGEST_AMOUNT

MINUTES: dict[str, float] = {"minute": 1.0, "hour": 60.0}
"""What a unit of length is in minutes."""
_FIRST_YEAR, _LAST_YEAR = 1000.0, 2999.0


class LimitRange(Struct, frozen=True):
    """A range as said, both ends inclusive, and the fact that its unit or its words name; none if they name none.

    `written` is the phrase as written.
    """

    written: str
    at_least: float | None = None
    at_most: float | None = None
    fact: str = ""

    def negated(self) -> LimitRange | None:
        """Return what is left when everything in the range is unwanted; none for a range with two ends.

        >>> LimitRange("over 12", at_least=12.0, fact="age").negated()
        LimitRange(written='over 12', at_least=None, at_most=12.0, fact='age')
        """
        if self.at_least is not None and self.at_most is not None:
            return None
        low, high = self.at_most, self.at_least
        if self.fact == "year":
            low, high = (None if low is None else low + 1.0), (None if high is None else high - 1.0)
        return LimitRange(self.written, low, high, self.fact)

    def of(self, fact: str) -> LimitRange:
        """Return the same range of this fact."""
        return LimitRange(self.written, self.at_least, self.at_most, fact)


def bounds_of(phrase: re.Match[str], words: Vocabulary) -> LimitRange | None:
    """Return the range that a phrase of `words.limits` says; none for a number that is none.

    "Before" and "after" leave the year itself out; every other end is inclusive.

    >>> from agents.instructions.languages import ENGLISH
    >>> bounds_of(ENGLISH.limits.search("under two hours"), ENGLISH)
    LimitRange(written='under two hours', at_least=None, at_most=120.0, fact='length')
    >>> bounds_of(ENGLISH.limits.search("after 1999"), ENGLISH)
    LimitRange(written='after 1999', at_least=2000.0, at_most=None, fact='year')
    """
    said, written = phrase.groupdict(), phrase.group().strip()
    if said["decade"] is not None:
        first = _decade(said["decade"])
        return LimitRange(written, first, first + 9.0, "year")
    if said["rating"] is not None:
        age = age_of(said["rating"])
        return None if age is None else _one_sided(written, said["side"], age, "age", words)
    if said["low"] is not None:
        fact, low = _fact(said, _number(said["low"], words), words)
        _, high = _fact(said, _number(said["high"], words), words)
        if not fact and all(_FIRST_YEAR <= end <= _LAST_YEAR for end in (low, high)):
            fact = "year"
        return _sound(LimitRange(written, min(low, high), max(low, high), fact))
    fact, value = _fact(said, _number(said["value"], words), words)
    return _sound(_one_sided(written, said["side"], value, fact, words))


def _one_sided(written: str, side: str, value: float, fact: str, words: Vocabulary) -> LimitRange:
    comparison = words.comparisons[side]
    fact = fact or comparison.fact
    if fact == "year" or (not fact and comparison.is_of_times and _FIRST_YEAR <= value <= _LAST_YEAR):
        fact = "year"
        value += comparison.year_shift
    if comparison.is_upper:
        return LimitRange(written, None, value, fact)
    return LimitRange(written, value, None, fact)


def _fact(said: dict[str, str | None], value: float, words: Vocabulary) -> tuple[str, float]:
    """Return the fact that the number's unit names, and the number in the unit of the fact."""
    unit = said["unit"]
    if said["currency"] is not None:
        return "price", value
    if unit is None:
        return "", value
    meaning = words.limit_units[unit]
    if meaning in MINUTES:
        rest = float(said["minutes"] or 0)
        return "length", value * MINUTES[meaning] + rest
    return meaning, value


def _number(written: str | None, words: Vocabulary) -> float:
    text = (written or "").strip()
    return float(words.numbers[text]) if text in words.numbers else float(text.replace(",", "."))


def _decade(written: str) -> float:
    number = float(written)
    return number if number >= _FIRST_YEAR else number + (2000.0 if number < 30.0 else 1900.0)


def _sound(bounds: LimitRange) -> LimitRange | None:
    ends = [end for end in (bounds.at_least, bounds.at_most) if end is not None]
    return bounds if all(isfinite(end) and abs(end) <= LARGEST_AMOUNT for end in ends) else None
