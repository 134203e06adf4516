"""What is known of an item in numbers, and by which names: facts that a user can set limits to, and attributes.

| fact    | unit           | read from                                                                        |
|---------|----------------|----------------------------------------------------------------------------------|
| price   | as in `price`  | `price`                                                                          |
| year    | year           | attributes such as `year` or `release_date`, else a year in brackets in the title |
| length  | minutes        | attributes such as `runtime` or `duration`                                       |
| age     | years          | attributes such as `age_rating`: the youngest age that the rating allows         |

Every other attribute that is a number is a fact by its own name, such as a rating.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import Struct

from schemas.bounds import LARGEST_AMOUNT
from schemas.items import Item

ATTRIBUTE_LENGTH = 64
"""Characters of the longest attribute that is read as a name; longer ones are descriptions."""
MOST_FACTS = 16
"""Facts read of an item: those of the table first, then its other numbers in the order of their names."""
MOST_ATTRIBUTES = 16
"""Attributes read of an item, in the order in which the catalogue has them."""

RATED_AGES: dict[str, int] = {
    "g": 0,
    "u": 0,
    "tv-y": 0,
    "tv-g": 0,
    "everyone": 0,
    "e": 0,
    "all": 0,
    "tv-y7": 7,
    "pg": 8,
    "tv-pg": 8,
    "e10+": 10,
    "pg-13": 13,
    "t": 13,
    "teen": 13,
    "tv-14": 14,
    "m": 17,
    "r": 17,
    "mature": 17,
    "tv-ma": 17,
    "nc-17": 18,
    "x": 18,
    "ao": 18,
    "adult": 18,
}
"""The youngest age of ratings that name none, by the systems of films, series and games in English."""
_AGE = re.compile(r"^(?:fsk|pegi|usk|bbfc|ab|age|ages)?[\s:-]*(\d{1,2})[a-z]?\+?$")
_YEAR = re.compile(r"^(\d{4})(?:$|\D)")
_TITLE_YEAR = re.compile(r"\((\d{4})\)\s*$")
_NUMBER = re.compile(r"^[+-]?\d+(?:\.\d+)?")
_HOURS = re.compile(r"^(\d{1,2})\s*h(?:ours?|rs?)?\s*(?:(\d{1,2})\s*m(?:in\w*)?)?$")


class Known(Struct, frozen=True):
    """What is known of an item: its facts, and its attributes that are names."""

    facts: dict[str, float] = {}
    attributes: tuple[tuple[str, str], ...] = ()


NOTHING_KNOWN = Known()


def known_of(item: Item) -> Known:
    """Return the facts and the named attributes of a catalogue entry; what is not known is left out.

    >>> heat = Item(item_id="i1", title="Heat (1995)", attributes={"runtime": 170.0, "director": "Michael Mann"})
    >>> known_of(heat)
    Known(facts={'length': 170.0, 'year': 1995.0}, attributes=(('director', 'Michael Mann'),))
    """
    facts = {} if item.price is None else {"price": item.price}
    read = {_plain(name): value for name, value in item.attributes.items() if not isinstance(value, bool)}
    for name, fact in FACTS.items():
        values = (fact.read(read[source]) for source in fact.attributes if source in read)
        found = next((value for value in values if value is not None), None)
        if found is not None:
            facts[name] = found
    if "year" not in facts and (titled := _TITLE_YEAR.search(item.title)):
        facts["year"] = float(titled.group(1))
    for name in sorted(read.keys() - _SOURCES):
        if isinstance(value := read[name], float) and len(facts) < MOST_FACTS:
            facts[name] = value
    named = [(name, value) for name, value in item.attributes.items() if isinstance(value, str)]
    return Known(facts, tuple(pair for pair in named if 0 < len(pair[1]) <= ATTRIBUTE_LENGTH)[:MOST_ATTRIBUTES])


def _plain(name: str) -> str:
    return name.lower().replace(" ", "_").replace("-", "_")


def age_of(rating: str | float) -> float | None:
    """Return the youngest age that a rating allows, in years; none if the rating says nothing of it.

    >>> age_of("PG-13"), age_of("FSK 16"), age_of("12+"), age_of("NR")
    (13.0, 16.0, 12.0, None)
    """
    if isinstance(rating, float):
        return rating if 0 <= rating <= 21 else None
    written = rating.strip().lower()
    if (age := RATED_AGES.get(written)) is not None:
        return float(age)
    found = _AGE.match(written)
    return float(found.group(1)) if found else None


def _year(value: str | float) -> float | None:
    found = _YEAR.match(f"{value:.0f}" if isinstance(value, float) else value.strip())
    return float(found.group(1)) if found else None


def _minutes(value: str | float) -> float | None:
    if isinstance(value, float):
        return value if value > 0.0 else None
    written = value.strip().lower()
    if hours := _HOURS.match(written):
        return float(hours.group(1)) * 60.0 + float(hours.group(2) or 0)
    number = _NUMBER.match(written)
    return min(float(number.group()), LARGEST_AMOUNT) if number and float(number.group()) > 0.0 else None


def _seconds(value: str | float) -> float | None:
    seconds = _minutes(value)
    return None if seconds is None else seconds / 60.0


class FactSource(Struct, frozen=True):
    """A fact with a name of its own: the attributes that it is read from, the first known one, and how.

    Names of attributes are compared in lower case, with `_` for blanks and hyphens.
    """

    attributes: tuple[str, ...]
    read: Callable[[str | float], float | None]


FACTS: dict[str, FactSource] = {
    "price": FactSource(("price",), lambda value: value if isinstance(value, float) else None),
    "year": FactSource(
        ("year", "release_year", "release_date", "released", "publication_year", "publication_date", "published"), _year
    ),
    "length": FactSource(("runtime", "length", "duration", "running_time", "minutes", "length_minutes"), _minutes),
    "age": FactSource(
        ("age_rating", "content_rating", "certification", "certificate", "minimum_age", "age", "fsk", "pegi"), age_of
    ),
}
"""The facts that have a name of their own: a fact is one row."""
_SOURCES = frozenset(source for fact in FACTS.values() for source in fact.attributes)
