"""Limits on the facts of items: a field, an operator and a value, and whether an item keeps to them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, get_args

from msgspec import Struct

Operator = Literal["contains", "not_contains", "contains_any", "in", "not_in", "==", "!=", "<=", ">=", "<", ">"]
OPERATORS: tuple[Operator, ...] = get_args(Operator)
COMPARISONS: dict[Operator, Callable[[float | str, float | str], bool]] = {
    "<=": lambda a, b: a <= b,  # type: ignore[operator]
    ">=": lambda a, b: a >= b,  # type: ignore[operator]
    "<": lambda a, b: a < b,  # type: ignore[operator]
    ">": lambda a, b: a > b,  # type: ignore[operator]
}
OPPOSITES: dict[Operator, Operator] = {
    "contains": "not_contains",
    "not_contains": "contains",
    "in": "not_in",
    "not_in": "in",
    "==": "!=",
    "!=": "==",
    "<=": ">",
    ">=": "<",
    "<": ">=",
    ">": "<=",
}

Value = float | str | bool | tuple[str, ...]
"""A fact of an item, or what a limit compares it with: a number, a name, a date, yes or no, or several names."""
Facts = Mapping[str, Value]
"""The facts of one item by field; a fact that is not known is missing."""
YEAR_OF_DATE = re.compile(r"(\d{4})(-\d\d(-\d\d.*)?)?$")


class FactLimit(Struct, frozen=True):
    """What an item has to keep to; `value` is several names for `contains_any`, `in` and `not_in`."""

    field: str
    op: Operator
    value: Value


def keeps(facts: Facts, limit: FactLimit) -> bool:
    """Return whether an item with these facts keeps to the limit.

    Names are compared without case. A date and a year compare by year. A fact that is not known keeps only to limits
    that exclude something.

    >>> film = {"runtime": 100.0, "genres": ("Drama", "Crime"), "released": "2020-05-01"}
    >>> keeps(film, FactLimit("runtime", "<=", 120.0)), keeps(film, FactLimit("genres", "not_contains", "Horror"))
    (True, True)
    >>> keeps(film, FactLimit("released", "<=", 2020.0)), keeps(film, FactLimit("rating", ">=", 6.0))
    (True, False)
    """
    fact = facts.get(limit.field)
    if limit.op in COMPARISONS:
        pair = _comparable(fact, limit.value)
        return pair is not None and COMPARISONS[limit.op](*pair)
    if limit.op in ("==", "!="):
        return _equal(fact, limit.value) == (limit.op == "==")
    has = _has_any(fact, limit.value)
    return not has if limit.op in ("not_contains", "not_in") else has


def keeps_all(facts: Facts, limits: Iterable[FactLimit]) -> bool:
    """Return whether an item with these facts keeps to every limit."""
    return all(keeps(facts, limit) for limit in limits)


def year_of(value: Value | None) -> float | None:
    """Return the year of a date as ISO 8601 writes it, or of a number that may be a year.

    >>> year_of("1994-09-10"), year_of(1994.0), year_of("tomorrow")
    (1994.0, 1994.0, None)
    """
    if isinstance(value, str):
        found = YEAR_OF_DATE.match(value)
        return float(found[1]) if found else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _comparable(fact: Value | None, value: Value) -> tuple[float | str, float | str] | None:
    if _is_number(fact) and _is_number(value):
        return float(fact), float(value)  # type: ignore[arg-type]
    if isinstance(fact, str) and isinstance(value, str) and len(value) > 4 and len(fact) > 4:
        return fact, value
    years = year_of(fact), year_of(value)
    return None if years[0] is None or years[1] is None else (years[0], years[1])


def _equal(fact: Value | None, value: Value) -> bool:
    if fact is None:
        return False
    if isinstance(fact, tuple) or isinstance(value, tuple):
        return set(_names(fact)) == set(_names(value))
    if isinstance(fact, bool) or isinstance(value, bool) or isinstance(fact, str) == isinstance(value, str):
        return (
            fact.casefold() == value.casefold() if isinstance(fact, str) and isinstance(value, str) else fact == value
        )
    years = _comparable(fact, value)
    return years is not None and years[0] == years[1]


def _has_any(fact: Value | None, value: Value) -> bool:
    if fact is None:
        return False
    if (
        not isinstance(fact, tuple)
        and not isinstance(value, tuple)
        and isinstance(fact, str)
        and isinstance(value, str)
    ):
        return value.casefold() in fact.casefold()
    wanted = value if isinstance(value, tuple) else (value,)
    return any(_equal(one, other) for one in (fact if isinstance(fact, tuple) else (fact,)) for other in wanted)


def _names(value: Value) -> tuple[str, ...]:
    return tuple(str(one).casefold() for one in (value if isinstance(value, tuple) else (value,)))


def _is_number(value: Value | None) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
