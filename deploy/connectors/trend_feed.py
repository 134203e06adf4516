"""Trends as signals: JSON lines, each saying how much more or less than usual something is in demand, until when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from schemas.bounds import describe_patterns
from schemas.ids import Time
from schemas.signals import TREND, ExternalSignal, OutsideFact, Scope, Subject, subject_in_key


class TrendLine(Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the feed: `trend` is from -1 (out of demand) to 1, valid until a time in seconds since 1970."""

    subject: Subject
    trend: Annotated[float, Meta(ge=-1, le=1)]
    until: Time
    since: Time | None = None
    scope: Scope = "category"
    trust: Annotated[float, Meta(ge=0, le=1)] = 1.0


def trend_signals(
    lines: Iterable[tuple[int, bytes]], *, source: str, trust: float, recorded_at: float
) -> Iterator[ExternalSignal | str]:
    """Yield a signal for each subject, of all its lines; and the reason why a line is none.

    All is said by `source`: a line names no other. It is trusted as far as its least trusted line, and `trust` at most.

    >>> lines = [(1, b'{"subject": "Comedy", "trend": 0.5, "until": 2e9}'), (2, b'{"trend": 1}')]
    >>> signal, refused = trend_signals(lines, source="trends", trust=0.5, recorded_at=1e9)
    >>> signal.subject, signal.facts[0].value, refused
    ('Comedy', 0.5, 'line 2: Object missing required field `subject`')
    """
    grouped: dict[tuple[Scope, str], list[TrendLine]] = {}
    refused = []
    for number, line in lines:
        try:
            trend = msgspec.json.decode(line, type=TrendLine)
            fact_of(trend, recorded_at)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as exc:
            refused.append(f"line {number}: {describe_patterns(str(exc))}")
        else:
            grouped.setdefault((trend.scope, subject_in_key(trend.scope, trend.subject)), []).append(trend)
    for (scope, _), trends in grouped.items():
        yield ExternalSignal(
            scope=scope,
            subject=trends[0].subject,
            source=source,
            trust=min(trust, *(trend.trust for trend in trends)),
            recorded_at=recorded_at,
            facts=tuple(fact_of(trend, recorded_at) for trend in trends),
        )
    yield from refused


def fact_of(trend: TrendLine, recorded_at: float) -> OutsideFact:
    """Return a line's fact: without a beginning it holds from the time of recording on.

    Raises:
        ValueError: it ends before it begins.
    """
    since = recorded_at if trend.since is None else trend.since
    return OutsideFact(attribute=TREND, value=trend.trend, valid_from=since, valid_until=trend.until)
