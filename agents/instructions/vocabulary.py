"""What a language has to say for instructions in words. A language is one file such as `english`, and one row of
`agents.instructions.languages`.

| what                | English                              | German                                |
|---------------------|--------------------------------------|---------------------------------------|
| more of a category  | more jazz · I like jazz              | mehr Jazz · ich mag Jazz              |
| less of it          | less jazz · too much jazz            | weniger Jazz · zu viel Jazz           |
| none of it          | no jazz · never jazz · like X but not Y | kein Jazz mehr · nie wieder Jazz   |
| exceptions to that  | no jazz, but Miles Davis             | kein Jazz, außer Miles Davis          |
| one for another     | folk instead of jazz                 | Folk statt Jazz · lieber Folk als Jazz |
| an item on top      | pin "Kind of Blue"                   | behalte "Kind of Blue"                |
| withdraw            | allow jazz · forget jazz             | erlaube Jazz · vergiss Jazz           |
| take back           | undo                                 | rückgängig                            |
| a category alone    | only jazz · nothing but jazz         | nur Jazz · nichts als Jazz            |
| a limit             | under 20 euros · after 1990 · nothing over two hours | höchstens 20 Euro · ab 1990 |
| at times            | no jazz on Friday evenings           | kein Jazz freitagabends               |
| withdraw everything | forget everything I said             | vergiss alles                         |
| settle what waits   | yes · cancel                         | ja · abbrechen                        |
| for a time          | until Sunday · for three days · today | bis Sonntag · für drei Tage · heute  |
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

Operation = Literal[
    "more", "less", "never", "pin", "only", "lift", "lift-all", "undo", "approve", "reject", "unsupported"
]
Unit = Literal["hour", "day", "week", "month", "year"]
Moment = Literal["tomorrow", "next week", "next month", "next year"]


class Comparative(Struct, frozen=True, kw_only=True):
    """What a word before a number says: an upper or a lower bound, of this `fact` if it can be of one alone.

    Words such as "before" `is_of_times`: beside a year they say `year_shift` more than the year itself.
    """

    is_upper: bool
    fact: str = ""
    is_of_times: bool = False
    year_shift: float = 0.0


class Vocabulary(Struct, frozen=True, kw_only=True):
    """One language: phrases by operation, words around names, and how times are said.

    `contrasts` stand between what is wanted and what is not, `exceptions` before what a statement leaves out, and
    `beside_exceptions` around it; `exclusive` are phrases that say "only" by what is not wanted, so that an exception
    to them is wanted. `fillers` mean nothing beside a name, `kinds` are what all items are called; `times` has the
    named groups `day`, `moment`, `date`, `count` with `unit`, and `span`. Phrases of `recurring` hold words for days of
    the week (`weekly`, from 0 for Monday) and parts of a day (`day_parts`, from when to when), or end in clock times,
    the groups `starts` and `ends`.

    `comparisons` stand before the number of a limit and `limit_units` behind it; `facts` are words for what is limited,
    and `beside_limits` say nothing beside one. `limits` has the groups of `limits_pattern`. With `capital_nouns` a
    capital makes no word a name.
    """

    phrases: dict[Operation, tuple[str, ...]]
    contrasts: tuple[str, ...]
    exceptions: tuple[str, ...]
    beside_exceptions: frozenset[str]
    exclusive: frozenset[str]
    joins: frozenset[str]
    fillers: frozenset[str]
    kinds: frozenset[str]
    numbers: dict[str, int]
    days: tuple[str, ...]
    moments: dict[str, Moment]
    spans: dict[str, Moment]
    units: dict[str, Unit]
    times: re.Pattern[str]
    recurring: re.Pattern[str]
    weekly: dict[str, tuple[int, ...]]
    day_parts: dict[str, tuple[str, str]]
    comparisons: dict[str, Comparative]
    limit_units: dict[str, str]
    facts: dict[str, str]
    beside_limits: frozenset[str]
    limits: re.Pattern[str]
    capital_nouns: bool = False


def words_of(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


def any_of(*words: str) -> str:
    """Return a pattern that matches any of the phrases, the longest first."""
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


EVERY_DAY, WORKDAYS, WEEKEND = (0, 1, 2, 3, 4, 5, 6), (0, 1, 2, 3, 4), (5, 6)
MORNING, AFTERNOON = ("06:00", "12:00"), ("12:00", "18:00")
EVENING, NIGHT = ("18:00", "00:00"), ("22:00", "06:00")


def recurring_pattern(*phrases: str, begins: str, to: str) -> re.Pattern[str]:
    """Return the pattern of times of the week: one of the phrases, clock times (`starts` and `ends`), or both.

    >>> recurring_pattern("on sundays", begins="from", to="to").search("on sundays from 8:00 to 12:30").group("ends")
    '12:30'
    """
    clock = r"\d{1,2}:\d\d"
    clocks = rf"(?:{begins})\s+(?P<starts>{clock})\s+(?:{to})\s+(?P<ends>{clock})(?:\s+uhr)?"
    unnamed = re.sub(r"\?P<\w+>", "", clocks)
    return re.compile(rf"\b(?:{'|'.join(phrases)}|(?={unnamed}))(?:\s*{clocks})?\b")


_DIGITS = r"\d{1,9}(?:[.,]\d{1,3})?"
_RATING = r"pg-13|pg|nc-17|tv-\w{1,2}|(?:fsk|pegi)\s*\d{1,2}|r"


def limits_pattern(
    comparisons: Iterable[str],
    numbers: Iterable[str],
    units: Iterable[str],
    *,
    between: str,
    to: str,
    decade: str,
    other_units: str,
) -> re.Pattern[str]:
    """Return the pattern of limits: `low` and `high`, or `side` with a `rating` or a `value`; `currency` before and
    `unit` behind it, `minutes` behind hours; or a `decade`. Numbers of `other_units` are no limits.
    """
    number = f"{_DIGITS}|{any_of(*numbers)}"
    ends_here = r"(?![\w-]|[.,]\d)"
    span = rf"(?:{between})\s+(?P<low>{number})\s+(?:{to})\s+(?P<high>{number}){ends_here}"
    one = rf"(?P<side>{any_of(*comparisons)})\s+(?P<currency>[$€£]\s*)?"
    sized = rf"(?:(?P<rating>{_RATING})(?!\w)|(?P<value>{number})(?=[a-z€$£]|{ends_here}))"
    unit = rf"(?:\s*(?P<unit>{any_of(*units)})(?!\w)(?:\s*(?P<minutes>\d\d)(?:\s*min\w*)?{ends_here})?)?"
    return re.compile(rf"\b(?:(?:{span}|{one}{sized}){unit}(?!\w)(?!\s*(?:{other_units})\b)|{decade}(?!\w))")
