"""Memories, what consolidated ones are made of, limits and ends of statements in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, tzinfo

from agents.instructions.limits import LimitRange
from agents.instructions.wording import Wording
from agents.memory.record import FOR
from features.recurring_times import WEEKDAYS
from schemas.ids import ItemId
from schemas.instructions import Excepted, RecurringTime
from schemas.memories import Memory

NAMED_PARTS = 5
"""How many parts of a consolidated memory are named."""


def belief_phrase(memory: Memory, wording: Wording, title: Callable[[ItemId], str], now: float, zone: tzinfo) -> str:
    """Return what a memory says, to the user whose it is; `title` names items, and `now` is event time.

    >>> from datetime import timezone
    >>> from agents.instructions.wording import WORDINGS
    >>> from agents.memory.operations import PreferenceSignal, SignalCause, begin
    >>> from schemas.ids import EventId, UserId
    >>> cause = SignalCause(UserId("u"), EventId("e"), 9.0, 9.0)
    >>> memory = begin(PreferenceSignal("category", "bans", "war", 3.0), cause)
    >>> belief_phrase(memory, WORDINGS["en"], str, 9.0, timezone.utc)
    'you want no war'
    """
    name = memory.value
    if memory.subject == "item":
        name = title(ItemId(memory.value)) or memory.value
    elif memory.subject == "attribute":
        name = wording.of_attribute.format(value=memory.value, attribute=memory.attribute)
    elif memory.subject == "fact":
        low, high = (memory.bound, None) if memory.value == "at-least" else (None, memory.bound)
        name = limit_phrase(LimitRange("", low, high, memory.attribute), wording, memory.context)
    belief = wording.beliefs[memory.predicate].format(name=name)
    apart = exceptions_phrase(memory.exceptions, wording, title, wanted=memory.predicate in FOR)
    return belief + apart + recurrence(memory.when, wording) + ending(memory.until, now, wording, zone)


def exceptions_phrase(
    exceptions: Iterable[Excepted], wording: Wording, title: Callable[[ItemId], str], *, wanted: bool
) -> str:
    """Return the exceptions to a statement, in words that follow it; empty if there are none. Exceptions to what alone
    is `wanted` are wanted too.

    >>> from agents.instructions.wording import WORDINGS
    >>> exceptions_phrase([Excepted(subject="category", value="Comedy")], WORDINGS["en"], str, wanted=False)
    ', except Comedy'
    """
    shown = [title(ItemId(each.value)) or each.value if each.subject == "item" else each.value for each in exceptions]
    names = ", ".join(dict.fromkeys(shown))
    form = wording.besides if wanted else wording.apart_from
    return form.format(names=names) if names else ""


def consolidated_phrase(belief: str, parts: Iterable[Memory], wording: Wording, title: Callable[[ItemId], str]) -> str:
    """Return what a consolidated memory says, with what its parts are about: items, or the contexts of an attribute.

    >>> from agents.instructions.wording import WORDINGS
    >>> consolidated_phrase("you like jazz", (), WORDINGS["en"], str)
    'you like jazz'
    """
    about = [title(ItemId(part.value)) or part.value if part.subject == "item" else part.context for part in parts]
    names = [name for name in dict.fromkeys(about) if name]
    if not names:
        return belief
    shown, rest = ", ".join(names[:NAMED_PARTS]), len(names) - NAMED_PARTS
    shown = wording.and_more.format(names=shown, count=rest) if rest > 0 else shown
    return wording.as_parts_show.format(belief=belief, names=shown)


def limit_phrase(bounds: LimitRange, wording: Wording, category: str = "") -> str:
    """Return the limit in words, with the category that it binds alone."""
    fact, unit = wording.facts.get(bounds.fact, bounds.fact), wording.units.get(bounds.fact, "")
    low, high = (None if end is None else f"{end:.10g}" for end in (bounds.at_least, bounds.at_most))
    form = wording.at_most if low is None else wording.at_least if high is None else wording.between
    limit = form.format(fact=fact, low=low, high=high, unit=unit)
    return wording.of_category.format(name=category, limit=limit) if category else limit


def ending(until: float | None, now: float, wording: Wording, zone: tzinfo) -> str:
    """Return until when a statement holds, in words that follow it; empty if it has no end."""
    if until is None:
        return ""
    at = datetime.fromtimestamp(until, zone)
    weekday, month = wording.days[at.weekday()], wording.months[at.month - 1]
    day = wording.date.format(weekday=weekday, day=at.day, month=month, year=at.year)
    clock = "" if (at.hour, at.minute) == (0, 0) else f" {at:%H:%M}"
    return wording.until.format(day=day, clock=clock) + ("" if until > now else wording.over)


def recurrence(when: RecurringTime | None, wording: Wording) -> str:
    """Return at what time of the week a statement holds, in words that follow it; empty if it always does.

    >>> from agents.instructions.wording import WORDINGS
    >>> recurrence(RecurringTime(days=("friday",), starts="18:00"), WORDINGS["en"])
    ' on Fridays from 18:00 to 24:00'
    """
    if when is None:
        return ""
    days = [name for day, name in zip(WEEKDAYS, wording.each_day, strict=True) if day in when.days]
    said = wording.weekly.format(days=wording.together.join(days)) if len(days) < len(WEEKDAYS) else wording.every_day
    if when.starts != when.ends:
        said += wording.clocks.format(starts=when.starts, ends="24:00" if when.ends == "00:00" else when.ends)
    return said + (wording.in_zone.format(zone=when.time_zone) if when.time_zone != "UTC" else "")
