"""When a statement ends that was made "until Sunday", "for three days" or "today", or holds "on Friday evenings"."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo

from agents.instructions.vocabulary import Moment, Unit, Vocabulary
from features.recurring_times import WEEKDAYS
from schemas.bounds import CLOCK_TIME, LARGEST_TIME
from schemas.instructions import RecurringTime

SECONDS: dict[Unit, float] = {
    "hour": 3_600.0,
    "day": 86_400.0,
    "week": 7 * 86_400.0,
    "month": 30 * 86_400.0,
    "year": 365 * 86_400.0,
}
"""How long a unit lasts; a month has 30 days."""


def end_of(phrase: re.Match[str], words: Vocabulary, now: float, zone: tzinfo) -> float | None:
    """Return the event time at which a phrase of `words.times` ends, seen from `now` in this zone; none for no date.

    A named day ends at its first moment, and is after today; spans such as "today" end with their last moment.

    >>> from agents.instructions.languages import ENGLISH
    >>> from features.recurring_times import zone_of
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


def recurring_of(phrase: re.Match[str], words: Vocabulary, zone: tzinfo) -> RecurringTime | None:
    """Return the time of the week that a phrase of `words.recurring` says; none if it is no such time.

    >>> from datetime import UTC
    >>> from agents.instructions.languages import ENGLISH
    >>> recurring_of(ENGLISH.recurring.search("on friday evenings"), ENGLISH, UTC)
    RecurringTime(days=('friday',), starts='18:00', ends='00:00', time_zone='UTC')
    """
    said, groups = phrase.group(), phrase.groupdict()
    days = {day for word, its in words.weekly.items() if re.search(rf"\b{word}", said) for day in its}
    part = next((clocks for word, clocks in words.day_parts.items() if word in said), None)
    starts, ends = (groups.get(name) for name in ("starts", "ends"))
    clocks = (starts.rjust(5, "0"), ends.rjust(5, "0")) if starts and ends else part or ("00:00", "00:00")
    if not (days or part or starts) or not all(re.match(CLOCK_TIME, clock) for clock in clocks):
        return None
    named = tuple(WEEKDAYS[day] for day in sorted(days)) or WEEKDAYS
    return RecurringTime(days=named, starts=clocks[0], ends=clocks[1], time_zone=str(zone))


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
