"""Parses a column of times as seconds since 1970: each cell by itself, the order of day and month by the whole column.

Numbers are seconds, milliseconds, microseconds or nanoseconds, by the one unit that puts the row between 1995 and
tomorrow; or else digits of a date, such as 20200115 or 202001151005.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from deploy.files.errors import UnreadableFile
from deploy.files.fields.clock import EPOCH, ORDERS, Order, Orders, ParsedTime, moment_of, moment_of_date
from deploy.files.tables.rows import Cell
from features.decay import DAY
from schemas.codec import EARLIEST, LATEST_AHEAD_SECONDS

UNITS = (("seconds", 1), ("milliseconds", 1_000), ("microseconds", 1_000_000), ("nanoseconds", 1_000_000_000))
_DIGITS = {8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_LARGEST = (1e11, 1e14, 1e17)
"""The bounds of each unit, for numbers that no unit puts between 1995 and tomorrow."""
YEARS_AHEAD = 5 * 366 * DAY
ZONED, NAIVE, WRONG = "dates with a zone", "dates without a zone, taken as UTC", "no time"


class Times(Struct, frozen=True):
    """`seconds: [rows]`, NaN where there is none; counts of cells by form; the order of day and month if it matters."""

    seconds: NDArray[np.float64]
    forms: Counter[str]
    order: str = ""


class Clock(Struct, frozen=True):
    """The latest possible time, in seconds since 1970, and the order of day and month if given."""

    latest: float
    dates: str = ""


def event_clock(now: float, dates: str = "") -> Clock:
    """Return the clock of events: they are past, with a day's tolerance for clocks ahead, as in the codec."""
    return Clock(now + LATEST_AHEAD_SECONDS, dates)


def item_clock(now: float, dates: str = "") -> Clock:
    """Return the clock of items, which may become available years from now."""
    return Clock(now + YEARS_AHEAD, dates)


def times_of(cells: Sequence[Cell], clock: Clock, name: str) -> Times:
    """Return the times of a column.

    Raises:
        UnreadableFile: more than one order of days and months fits all rows, or none does.

    >>> times_of(["1577836800", "2020-01-01", 1577836800000], event_clock(2e9), "t").seconds.tolist()
    [1577836800.0, 1577836800.0, 1577836800.0]
    """
    seconds = np.full(len(cells), np.nan)
    forms: Counter[str] = Counter()
    open_rows: dict[int, Orders] = {}
    parsed_texts: dict[Cell, tuple[float, str] | Orders] = {}
    for row, cell in enumerate(cells):
        if cell is None:
            continue
        parsed = parsed_texts.get(cell) if isinstance(cell, str) else _read(cell, clock)
        if parsed is None:
            parsed = parsed_texts[cell] = _read(cell, clock)
        if isinstance(parsed, dict):
            open_rows[row] = parsed
        else:
            seconds[row], form = parsed
            forms[form] += 1
    order = _order(open_rows.values(), clock.dates, name) if open_rows else ""
    for row, readings in open_rows.items():
        moment = next((moment for candidate, moment in readings.items() if candidate == order), None)
        seconds[row] = moment.seconds if moment else math.nan
        forms[_form(moment)] += 1
    return Times(seconds, forms, order)


def _form(moment: ParsedTime | None) -> str:
    if moment is None:
        return WRONG
    return ZONED if moment.zoned else NAIVE


def _read(cell: Cell, clock: Clock) -> tuple[float, str] | Orders:
    """Return a cell's seconds and form, or its times by order of day and month."""
    if isinstance(cell, bytes):
        cell = cell.decode(errors="replace")
    if isinstance(cell, str):
        return _from_text(cell.strip(), clock)
    if isinstance(cell, datetime | date):
        moment = moment_of_date(cell)
        return (moment.seconds if moment else math.nan), _form(moment)
    if isinstance(cell, int | float | Decimal) and not isinstance(cell, bool):
        return _from_number(cell, clock)
    return math.nan, WRONG


def _from_text(text: str, clock: Clock) -> tuple[float, str] | Orders:
    if text.isdecimal() and text.isascii() and len(text) < 30:
        return _from_number(int(text), clock)
    if text[:1].isdecimal() or text[:1] in "-+.":
        try:
            return _from_number(float(text), clock)
        except ValueError:
            pass
    parsed = moment_of(text)
    if isinstance(parsed, dict):
        return parsed
    return (parsed.seconds if parsed else math.nan), _form(parsed)


def _from_number(number: float | Decimal, clock: Clock) -> tuple[float, str]:
    """Return seconds by the unit that makes a possible time, else by digits of a date, else by the number's size."""
    try:
        for name, unit in UNITS:
            if EARLIEST <= (seconds := float(number / unit)) <= clock.latest:
                return seconds, name
        size = abs(float(number))
    except OverflowError:
        return math.nan, WRONG
    if math.isnan(size):
        return math.nan, WRONG
    if (digits := _from_digits(number)) is not None:
        return digits, "digits of a date, taken as UTC"
    name, unit = UNITS[sum(size >= largest for largest in _LARGEST)]
    return float(number / unit), name


def _from_digits(number: float | Decimal) -> float | None:
    """Return the time that 20200115, 2020011510, 202001151005 or 20200115100500 spells; none for other numbers.

    >>> _from_digits(20200115), _from_digits(20201315)
    (1579046400.0, None)
    """
    if number != number or not 19_000_000 <= number < 10**15 or number != int(number):
        return None
    text = str(int(number))
    form = _DIGITS.get(len(text))
    if form is None or not "1900" <= text[:4] <= "2100":
        return None
    try:
        return (datetime.strptime(text, form).replace(tzinfo=UTC) - EPOCH).total_seconds()
    except ValueError:
        return None


def _order(rows: Iterable[Orders], requested: str, name: str) -> str:
    """Return the only order of day and month in which all rows are dates; the given one, if any.

    Raises:
        UnreadableFile: there is not exactly one.
    """
    if requested:
        return requested
    rows = list(rows)
    fitting = [order for order in ORDERS if all(order in readings for readings in rows)]
    meant = {tuple(readings[order].seconds for readings in rows): order for order in fitting}
    if len(meant) == 1:
        return next(iter(meant.values()))
    options = " or ".join(f"--dates {order}" for order in (fitting or ORDERS[:2]))
    problem = "in more than one order of day and month" if fitting else "in no single order of day and month"
    raise UnreadableFile(f"column {name!r} holds dates {problem} (such as {_example(rows)}): say {options}")


def _example(rows: Sequence[Mapping[Order, ParsedTime]]) -> str:
    """Return a row's possible dates, as ISO days."""
    for readings in rows:
        days = {datetime.fromtimestamp(moment.seconds, UTC).date().isoformat() for moment in readings.values()}
        if len(days) > 1:
            return " or ".join(sorted(days))
    return " and ".join(
        datetime.fromtimestamp(next(iter(readings.values())).seconds, UTC).date().isoformat() for readings in rows[:2]
    )
