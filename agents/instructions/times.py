"""When a statement ends that was made "until Sunday", "for three days" or "today", or holds "on Friday evenings"."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo

from agents.instructions.vocabulary import Moment, Unit, Vocabulary, any_of
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
    """Return the time of the week that a phrase of `words.recurring` says; none if it is no such time, or not one
    alone: several parts of a day, or days of which only some have one.

    >>> from datetime import UTC
    >>> from agents.instructions.languages import ENGLISH
    >>> recurring_of(ENGLISH.recurring.search("on friday evenings"), ENGLISH, UTC)
    RecurringTime(days=('friday',), starts='18:00', ends='00:00', time_zone='UTC')
    >>> recurring_of(ENGLISH.recurring.search("on weekends and on friday evenings"), ENGLISH, UTC) is None
    True
    """
    said, groups = phrase.group(), phrase.groupdict()
    if groups.get("starts") and groups.get("ends"):
        # The "and" of "between 19:00 and 22:00" joins no days.
        said = phrase.string[phrase.start() : phrase.start("starts")] + phrase.string[phrase.end("ends") : phrase.end()]
    days = {day for word, its in words.weekly.items() if re.search(rf"\b{word}", said) for day in its}
    parts = _day_parts(said, words)
    starts, ends = groups.get("starts"), groups.get("ends")
    clocks = (starts.rjust(5, "0"), ends.rjust(5, "0")) if starts and ends else next(iter(parts), ("00:00", "00:00"))
    clocks = (clocks[0], "00:00" if clocks[1] == "24:00" else clocks[1])
    if not (days or parts or starts) or not all(re.match(CLOCK_TIME, clock) for clock in clocks):
        return None
    if groups.get("once") or len(parts) > 1 or (parts and not groups.get("parts") and _is_mixed(said, words)):
        return None
    named = tuple(WEEKDAYS[day] for day in sorted(days)) or WEEKDAYS
    return RecurringTime(days=named, starts=clocks[0], ends=clocks[1], time_zone=str(zone))


def _day_parts(said: str, words: Vocabulary) -> set[tuple[str, str]]:
    """Return the parts of a day that the words name: the longest word of each, as in "nachmittags"."""
    return {words.day_parts[found] for found in re.findall(any_of(*words.day_parts), said)}


def _is_mixed(said: str, words: Vocabulary) -> bool:
    """Return whether only some of the joined days have a part of the day."""
    return len({bool(_day_parts(piece, words)) for piece in re.split(r",|\band\b|\bund\b", said) if piece.strip()}) > 1


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
