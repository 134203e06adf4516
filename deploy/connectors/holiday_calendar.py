"""Holidays of a country as signals, by the package `holidays`, which has the rules of some 200 countries."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, time, timedelta, tzinfo

import holidays

from schemas.errors import LifelongError
from schemas.signals import HOLIDAY, ExternalSignal, OutsideFact

HOLIDAYS_SOURCE = "holidays"
HOLIDAYS_TRUST = 0.9
ONE_DAY = timedelta(days=1)


class UnknownPlace(LifelongError):
    """The calendar does not have the country or the part of it."""


def holiday_signal(
    country: str, years: Collection[int], *, part: str = "", zone: tzinfo, recorded_at: float
) -> ExternalSignal:
    """Return the public holidays of a country, or of a part of it, each valid for its day in this time zone.

    Raises:
        UnknownPlace: the calendar does not have it.

    >>> from datetime import UTC
    >>> signal = holiday_signal("DE", [2026], zone=UTC, recorded_at=0.0)
    >>> signal.subject, len(signal.facts), signal.facts[0].value
    ('DE', 9, 'Neujahr')
    """
    try:
        # In the country's own language: without one it is that of the machine.
        language = holidays.country_holidays(country).default_language
        days = holidays.country_holidays(country, subdiv=part or None, years=sorted(years), language=language)
    except NotImplementedError as exc:
        raise UnknownPlace(f"the calendar has no {country + (part and f'-{part}')!r}: {exc}"[:300]) from exc
    facts = []
    for day, name in sorted(days.items()):
        begin = datetime.combine(day, time(), zone)
        until = datetime.combine(day + ONE_DAY, time(), zone)
        facts.append(
            OutsideFact(
                attribute=HOLIDAY, value=name[:256], valid_from=begin.timestamp(), valid_until=until.timestamp()
            )
        )
    return ExternalSignal(
        scope="place",
        subject=f"{country}-{part}" if part else country,
        source=HOLIDAYS_SOURCE,
        trust=HOLIDAYS_TRUST,
        recorded_at=recorded_at,
        facts=tuple(facts),
    )
