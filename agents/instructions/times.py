"""When a statement ends that was made "until Sunday", "for three days" or "today"."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agents.instructions.vocabulary import Moment, Unit, Vocabulary
from schemas.bounds import LARGEST_TIME

SECONDS: dict[Unit, float] = {
    "hour": 3_600.0,
    "day": 86_400.0,
    "week": 7 * 86_400.0,
    "month": 30 * 86_400.0,
    "year": 365 * 86_400.0,
}
"""How long a unit lasts; a month has 30 days."""


def zone_of(name: str) -> tzinfo:
    """Return the time zone of this IANA name, UTC for a name that is none.

    >>> zone_of("Mars/Olympus")
    zoneinfo.ZoneInfo(key='UTC')
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def end_of(phrase: re.Match[str], words: Vocabulary, now: float, zone: tzinfo) -> float | None:
    """Return the event time at which a phrase of `words.times` ends, seen from `now` in this zone; none for no date.

    A named day ends at its first moment, and is after today; spans such as "today" end with their last moment.

    >>> from agents.instructions.languages import ENGLISH
    >>> saturday_noon = datetime(2026, 11, 28, 12, tzinfo=zone_of("UTC")).timestamp()
    >>> phrase = ENGLISH.times.search("until sunday")
    >>> datetime.fromtimestamp(end_of(phrase, ENGLISH, saturday_noon, zone_of("UTC")), zone_of("UTC")).isoformat()
    '2026-11-29T00:00:00+00:00'
    """
    said, here = phrase.groupdict(), datetime.fromtimestamp(now, zone)
    if said["count"] is not None:
        count = words.numbers.get(said["count"]) or int(said["count"])
        return now + count * SECONDS[words.units[said["unit"]]]
    if said["date"] is not None:
        return _date(said["date"], zone)
    today = here.replace(hour=0, minute=0, second=0, microsecond=0)
    if said["day"] is not None:
        ahead = (words.days.index(said["day"]) - today.weekday() - 1) % 7 + 1
        return (today + timedelta(days=ahead)).timestamp()
    moment = words.moments[said["moment"]] if said["moment"] is not None else words.spans[said["span"]]
    return _moment(moment, today).timestamp()


def _date(written: str, zone: tzinfo) -> float | None:
    try:
        return min(datetime.fromisoformat(written).replace(tzinfo=zone).timestamp(), LARGEST_TIME)
    except ValueError:
        return None


def _moment(moment: Moment, today: datetime) -> datetime:
    match moment:
        case "tomorrow":
            return today + timedelta(days=1)
        case "next week":
            return today + timedelta(days=7 - today.weekday())
        case "next month":
            return (today.replace(day=1) + timedelta(days=32)).replace(day=1)
        case "next year":
            return today.replace(year=today.year + 1, month=1, day=1)
