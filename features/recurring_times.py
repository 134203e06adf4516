"""Times of the week, by the clock of the user: which rules hold at a moment, and when that changes next."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from math import ceil
from typing import get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec.structs import replace

from features.decay import DAY
from schemas.bounds import LARGEST_TIME
from schemas.codec import EARLIEST
from schemas.instructions import RecurringTime, Weekday
from schemas.plans import Constraints

WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


def zone_of(name: str) -> tzinfo:
    """Return the time zone of this IANA name, UTC for a name that is none.

    >>> zone_of("Mars/Olympus")
    zoneinfo.ZoneInfo(key='UTC')
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def is_within(when: RecurringTime, at: float) -> bool:
    """Return whether event time `at` is one of these times.

    >>> friday = datetime(2026, 11, 27, 19, tzinfo=zone_of("UTC")).timestamp()
    >>> evenings = RecurringTime(days=("friday",), starts="18:00")
    >>> [is_within(evenings, friday + 3_600 * hours) for hours in (-2, 0, 4, 5)]
    [False, True, True, False]
    """
    here = _clock_of(when, at)
    today, before = WEEKDAYS[here.weekday()], WEEKDAYS[here.weekday() - 1]
    clock = f"{here:%H:%M}"
    if when.starts < when.ends:
        return today in when.days and when.starts <= clock < when.ends
    return (today in when.days and clock >= when.starts) or (before in when.days and clock < when.ends)


def in_force(constraints: Constraints, at: float) -> Constraints:
    """Return what holds at event time `at`: without rules of other times. An "only" of this time, the one that was
    stated last, holds instead of all others.

    >>> in_force(Constraints(), 0.0) == Constraints()
    True
    """
    if all(rule.when is None for rule in constraints.rules):
        return constraints
    present = [rule for rule in constraints.rules if rule.when is None or is_within(rule.when, at)]
    own = next((rule.when for rule in present if rule.kind == "only" and rule.when is not None), None)
    if own is None:
        return replace(constraints, rules=tuple(present))
    rules = tuple(rule for rule in present if rule.kind != "only" or rule.when == own)
    return replace(constraints, rules=rules, only_categories=())


def holds_until(constraints: Constraints, at: float) -> float | None:
    """Return the event time up to which nothing else than at `at` can be in force, a day at most; none if that never
    changes.

    >>> holds_until(Constraints(), 0.0) is None
    True
    """
    times = [rule.when for rule in constraints.rules if rule.when is not None]
    return min((_next_clock(when, at) for when in times), default=None)


def _next_clock(when: RecurringTime, at: float) -> float:
    """Return when the clock next shows one of the two times, or is set so that it passes one; a day later at most."""
    here, found, change = _clock_of(when, at), [at + DAY], _next_setting(when, at)
    if is_within(when, change) != is_within(when, at):
        found.append(change)
    for clock in {when.starts, when.ends}:
        hour, minute = map(int, clock.split(":"))
        today = here.replace(hour=hour, minute=minute, second=0, microsecond=0)
        days = (today, today + timedelta(days=1))
        found += [day.replace(fold=fold).timestamp() for day in days for fold in (0, 1)]
    return min(time for time in found if time > at)


def _next_setting(when: RecurringTime, at: float) -> float:
    """Return when, within a day, the clock is next set forward or back; a day later if it is not."""
    before, after, offset = at, at + DAY, _clock_of(when, at).utcoffset()
    if _clock_of(when, after).utcoffset() == offset:
        return after
    while ceil(after) - ceil(before) > 1:
        middle = float(ceil(before) + (ceil(after) - ceil(before)) // 2)
        before, after = (middle, after) if _clock_of(when, middle).utcoffset() == offset else (before, middle)
    return float(ceil(after))


def _clock_of(when: RecurringTime, at: float) -> datetime:
    """Return what the clock shows, of times that have no date the nearest that has one."""
    return datetime.fromtimestamp(min(max(at, EARLIEST), LARGEST_TIME), zone_of(when.time_zone))
