"""Parses a text as a time: ISO in its usual forms, names of months, and days and months as numbers in some order."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Literal

from msgspec import Struct

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Order = Literal["day-first", "month-first", "year-first"]
ORDERS: tuple[Order, ...] = ("day-first", "month-first", "year-first")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CLOCK = r"(?:[T ,:]+(?:at )?(?P<clock>\d{1,2}:\d{2}.*))?"
_YEAR_FIRST = re.compile(r"(?P<y>\d{4})([/.\-])(?P<m>\d{1,2})\2(?P<d>\d{1,2})" + _CLOCK)
_YEAR_MONTH = re.compile(r"(?P<y>\d{4})-(?P<m>\d{2})")
_NUMBERS = re.compile(r"(?P<a>\d{1,2})[/.\- ](?P<b>\d{1,2}),?[/.\- ](?P<c>\d{4}|\d{2})" + _CLOCK)
_DAY_NAME = re.compile(r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*[.,]* ", re.IGNORECASE)
_NAMED = (
    re.compile(r"(?P<d>\d{1,2})(?:st|nd|rd|th)?[ /\-](?P<n>[A-Za-z]{3,9})\.?,?[ /\-](?P<y>\d{4}|\d{2})" + _CLOCK),
    re.compile(r"(?P<n>[A-Za-z]{3,9})\.? (?P<d>\d{1,2})(?:st|nd|rd|th)?,? (?P<y>\d{4})" + _CLOCK),
    re.compile(r"(?P<n>[A-Za-z]{3}) +(?P<d>\d{1,2}) (?P<clock>[\d:.]+(?: [+\-]\d{4}| UTC| GMT)?) (?P<y>\d{4})"),
)
_TIME = re.compile(
    r"(?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?)?\s*(?P<half>[AaPp]\.?[Mm]\.?)?\s*(?P<zone>.*)"
)
_ZONE = re.compile(r"(?P<sign>[+\-\u2212])(?P<h>\d{2}):?(?P<m>\d{2})?")
_LATIN = re.compile(r"^(.*\d)\s*(?:Z|UTC|GMT)(?:\+00:?00)?$", re.IGNORECASE)


class ParsedTime(Struct, frozen=True):
    """Seconds since 1970, and whether the text names a zone; without one it is read as UTC."""

    seconds: float
    zoned: bool


Orders = dict[Order, ParsedTime]
"""The times of a text by each order of day and month in which it is a date."""


def moment_of(text: str) -> ParsedTime | Orders | None:
    """Return the time of a text; by order of day and month where that matters; none if it is not a date.

    >>> moment_of("2014-04-07T10:51:09.277Z"), moment_of("07/Apr/2014:10:51:09 +0000")
    (ParsedTime(seconds=1396867869.277, zoned=True), ParsedTime(seconds=1396867869.0, zoned=True))
    >>> sorted(moment_of("01/12/2010 08:26")), sorted(moment_of("13/12/2010"))
    (['day-first', 'month-first'], ['day-first'])
    """
    text = text.strip().partition("[")[0].strip()
    parsed = _iso(text)
    if parsed is not None:
        return parsed
    if matched := _NUMBERS.fullmatch(text):
        return _in_orders(matched) or None
    return _written(_DAY_NAME.sub("", text, count=1))


def _iso(text: str) -> ParsedTime | None:
    """Parse by Python's reader of ISO 8601, after normalizing a blank before the zone and UTC in letters."""
    if len(text) < 10 or not text[:4].isdecimal():
        return None
    if matched := _LATIN.fullmatch(text):
        text = f"{matched[1]}+00:00"
    elif text[-6:-5] == " " or text[-7:-6] == " ":
        text = re.sub(r" (?=[+\-]\d{2}:?\d{2}$)", "", text)
    try:
        return _moment(datetime.fromisoformat(text))
    except ValueError:
        return None


def _moment(at: datetime) -> ParsedTime | None:
    zoned = at.tzinfo is not None
    try:
        return ParsedTime(((at if zoned else at.replace(tzinfo=UTC)) - EPOCH).total_seconds(), zoned)
    except OverflowError:
        return None


def _written(text: str) -> ParsedTime | None:
    if matched := _YEAR_FIRST.fullmatch(text):
        return _at(int(matched["y"]), int(matched["m"]), int(matched["d"]), matched["clock"])
    if matched := _YEAR_MONTH.fullmatch(text):
        return _at(int(matched["y"]), int(matched["m"]), 1, None)
    for form in _NAMED:
        if matched := form.fullmatch(text):
            month = _month(matched["n"])
            return _at(_year(matched["y"]), month, int(matched["d"]), matched["clock"]) if month else None
    return None


def _month(name: str) -> int:
    """Return the number of a month, 0 for an unknown name.

    >>> _month("September"), _month("Sept"), _month("Zed")
    (9, 9, 0)
    """
    short = name[:3].lower()
    return _MONTHS.index(short) + 1 if short in _MONTHS else 0


def _year(text: str) -> int:
    """Return a year; two digits mean 1969 to 2068, as in POSIX."""
    year = int(text)
    return year if len(text) == 4 else year + (2000 if year < 69 else 1900)


def _in_orders(matched: re.Match[str]) -> Orders:
    a, b, c, clock = matched["a"], matched["b"], matched["c"], matched["clock"]
    readings: dict[Order, tuple[str, str, str]] = {"day-first": (c, b, a), "month-first": (c, a, b)}
    if len(c) == 2:
        readings["year-first"] = (a, b, c)
    times = {order: _at(_year(y.zfill(2)), int(m), int(d), clock) for order, (y, m, d) in readings.items()}
    return {order: moment for order, moment in times.items() if moment is not None}


def _at(year: int, month: int, day: int, clock: str | None) -> ParsedTime | None:
    try:
        midnight = datetime(year, month, day)  # noqa: DTZ001 - the zone comes with the clock
        if clock is None:
            return _moment(midnight)
        shift = _clock(clock)
        if shift is None:
            return None
        since, zone = shift
        return _moment(midnight.replace(tzinfo=zone) + since)
    except (ValueError, OverflowError):
        return None


def _clock(text: str) -> tuple[timedelta, timezone | None] | None:
    """Return the time of day and the zone of a clock text, with AM and PM; none if it is invalid."""
    matched = _TIME.fullmatch(text.strip())
    if matched is None:
        return None
    hour, minute, second = int(matched["h"]), int(matched["m"]), int(matched["s"] or 0)
    if matched["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if matched["half"][0] in "pP" else 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    zone, recognized = _zone(matched["zone"].strip())
    micro = int((matched["f"] or "0").ljust(6, "0")[:6])
    return (timedelta(hours=hour, minutes=minute, seconds=second, microseconds=micro), zone) if recognized else None


def _zone(text: str) -> tuple[timezone | None, bool]:
    """Return a zone, and whether it is known; names other than UTC are ambiguous."""
    if not text:
        return None, True
    if text.upper() in ("Z", "UTC", "GMT"):
        return UTC, True
    matched = _ZONE.fullmatch(text)
    if matched is None:
        return None, False
    minutes = int(matched["h"]) * 60 + int(matched["m"] or 0)
    return timezone(timedelta(minutes=minutes if matched["sign"] == "+" else -minutes)), True


def moment_of_date(cell: datetime | date) -> ParsedTime | None:
    """Return the time of a date value; a day is its midnight in UTC."""
    if isinstance(cell, datetime):
        return _moment(cell)
    return _moment(datetime(cell.year, cell.month, cell.day))  # noqa: DTZ001 - read as UTC, as the report says
