"""Which items match a filter: the expressions of `inference.search.filters` over the columns of an item table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from difflib import get_close_matches
from operator import ge, gt, le, lt
from typing import Any

import numpy as np

from features.item_facts import FACTS
from inference.items.table import Bools, ItemTable
from inference.search.filters import Conjunction, Disjunction, FieldComparison, Negation
from inference.search.values import CATEGORY_FIELD, TAG_FIELD, FilterValues, field_key
from schemas.errors import BadFilter
from schemas.ids import ItemId, category_key

ALIASES = {"category": CATEGORY_FIELD, "tag": TAG_FIELD, "id": "item_id"}
FACT_OF = {source: fact for fact, row in FACTS.items() for source in row.attributes}
"""The fact that an attribute of this name is read as."""
WINDOWS = ("available_from", "available_until")
"""Fields that are times: dates, or seconds since 1970."""
ORDERINGS: dict[str, Callable[[Any, Any], Any]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
_DATE = re.compile(r"\d{4}-\d{2}(-\d{2})?(?!\d)")


def matching_items(expression: Any, table: ItemTable) -> Bools:
    """Return which items match an expression of `parse_filter`: bool `[items]`. What is not known of an item matches
    only under `not`.

    Raises:
        BadFilter: no item has a field that it names, or a value is no number or date where one is compared.
    """
    match expression:
        case Negation(of=of):
            return ~matching_items(of, table)
        case Conjunction(of=parts):
            return np.asarray(np.all([matching_items(part, table) for part in parts], axis=0))
        case Disjunction(of=parts):
            return np.asarray(np.any([matching_items(part, table) for part in parts], axis=0))
        case FieldComparison():
            return _compared(expression, table)
    raise TypeError(f"{expression!r} is no expression")


def _compared(comparison: FieldComparison, table: ItemTable) -> Bools:
    name = field_key(comparison.field)
    name = ALIASES.get(name, name)
    if name == "item_id":
        return _of_ids(comparison, table)
    if name in WINDOWS:
        edges = table.availability.from_time if name == WINDOWS[0] else table.availability.until_time
        return _numbers(comparison, np.where(np.isfinite(edges[: len(table)]), edges[: len(table)], np.nan), _time)
    values, fact = table.signal(FilterValues), FACT_OF.get(name, name)
    is_valued = name in values.fields
    is_fact = fact in table.facts.names or fact in FACTS
    if not is_valued and not is_fact:
        raise BadFilter(f"no item has a field {comparison.field!r}{_nearest(name, table)}", comparison.at)
    if is_valued and (not is_fact or not _are_numbers(comparison)):
        return _valued(comparison, name, values, len(table))
    return _numbers(comparison, table.facts.column(fact, len(table)), _number)


def _of_ids(comparison: FieldComparison, table: ItemTable) -> Bools:
    found = np.zeros(len(table), np.bool_)
    if comparison.operator != "=":
        raise BadFilter("ids are compared by ':' or '=' alone", comparison.at)
    numbers = [number for value in comparison.values if (number := table.number.get(ItemId(value))) is not None]
    found[numbers if comparison.values else slice(None)] = True
    return found


def _valued(comparison: FieldComparison, name: str, values: FilterValues, size: int) -> Bools:
    """Compare names: equal ones, or dates as they are written (`2026-12-31`), which have an order."""
    if not comparison.values:
        return values.having(name, values.values_of(name), size)
    if comparison.operator == "=":
        return values.having(name, comparison.values, size)
    bound = category_key(comparison.values[0])
    if not _DATE.match(bound):
        raise BadFilter(
            f"{comparison.field!r} is compared with {bound!r}: only numbers and dates such as 2026-12-31 have an order",
            comparison.at,
        )
    within = ORDERINGS[comparison.operator]
    dated = (value for value in values.values_of(name) if _DATE.match(value))
    return values.having(name, [value for value in dated if within(value[: len(bound)], bound)], size)


def _numbers(comparison: FieldComparison, column: Any, read: Callable[[FieldComparison], Iterator[float]]) -> Bools:
    """Compare a column of numbers in which what is unknown is NaN, and so compares with nothing."""
    if not comparison.values:
        return np.asarray(~np.isnan(column))
    bounds = [column.dtype.type(value) for value in read(comparison)]
    if comparison.operator == "=":
        return np.asarray(np.any([column == bound for bound in bounds], axis=0))
    return np.asarray(ORDERINGS[comparison.operator](column, bounds[0]))


def _are_numbers(comparison: FieldComparison) -> bool:
    try:
        list(_number(comparison))
    except BadFilter:
        return False
    return bool(comparison.values)


def _number(comparison: FieldComparison) -> Iterator[float]:
    for value in comparison.values:
        try:
            yield float(value)
        except ValueError as exc:
            raise BadFilter(f"{comparison.field!r} is a number, and {value!r} is none", comparison.at) from exc


def _time(comparison: FieldComparison) -> Iterator[float]:
    """Yield the seconds since 1970 of each value: a date or time in ISO 8601, in UTC where it names no zone."""
    for value in comparison.values:
        try:
            yield float(value)
            continue
        except ValueError:
            pass
        try:
            read = datetime.fromisoformat(value)
        except ValueError as exc:
            text = f"{comparison.field!r} is a time, and {value!r} is none such as 2026-12-31"
            raise BadFilter(text, comparison.at) from exc
        yield (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def _nearest(name: str, table: ItemTable) -> str:
    """Return a hint at known fields, of which there may be hundreds."""
    known = sorted({*table.signal(FilterValues).fields, *table.facts.names, *FACTS, *WINDOWS})
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known[:12])}"
