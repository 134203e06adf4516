"""Latencies second by second, and how long the system takes to recover from a burst or a stall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct

RECOVERED_P99_MS = 100.0
RECOVERED_SECONDS = 3
"""The system has recovered once the p99 is below the limit for so many seconds in a row, without a lost event."""


class SecondOfRun(Struct, frozen=True, kw_only=True):
    """The events due in one second of a run: how many, how many of them were lost, and the latencies of the others.

    `second` counts from the start of the run. Percentiles are none where no event of the second was answered.
    """

    second: int
    sent: int
    lost: int
    p50_ms: float | None
    p99_ms: float | None

    @property
    def calm(self) -> bool:
        """Return whether every event was answered, and 99 % of them within the limit."""
        return not self.lost and (self.p99_ms is None or self.p99_ms < RECOVERED_P99_MS)


class Recovery(Struct, frozen=True, kw_only=True):
    """What a burst or a stall did, in seconds from its end; times are none if it did not happen within the run.

    `caught_up_seconds`: until every event due before its end was answered. `recovered_seconds`: until the first of
    three seconds in a row whose events, by the time at which they were due, have a p99 below 100 ms.
    """

    kind: str
    begin_seconds: float
    end_seconds: float
    p99_ms: float | None
    lost: int
    caught_up_seconds: float | None
    recovered_seconds: float | None


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return a percentile, rounded to hundredths; none of no values."""
    return round(float(np.percentile(values, share)), 2) if len(values) else None


def series(due: Mapping[str, float], latency_ms: Mapping[str, float]) -> tuple[SecondOfRun, ...]:
    """Return the figures of every second in which an event was due.

    `due`: seconds from the start of the run, by event; `latency_ms`: of the answered events.
    """
    events: dict[int, list[str]] = {}
    for event, at in due.items():
        events.setdefault(int(at), []).append(event)
    return tuple(_second(second, of_second, latency_ms) for second, of_second in sorted(events.items()))


def _second(second: int, events: Sequence[str], latency_ms: Mapping[str, float]) -> SecondOfRun:
    answered = [latency_ms[event] for event in events if event in latency_ms]
    return SecondOfRun(
        second=second,
        sent=len(events),
        lost=len(events) - len(answered),
        p50_ms=percentile(answered, 50),
        p99_ms=percentile(answered, 99),
    )


def recovered_seconds(seconds: Sequence[SecondOfRun], end: float) -> float | None:
    """Return how long after `end` the first of `RECOVERED_SECONDS` calm seconds in a row begins; none if none does.

    >>> slow = SecondOfRun(second=5, sent=9, lost=0, p50_ms=200.0, p99_ms=900.0)
    >>> fast = [SecondOfRun(second=each, sent=9, lost=0, p50_ms=9.0, p99_ms=20.0) for each in (6, 7, 8)]
    >>> recovered_seconds([slow, *fast], 4.5), recovered_seconds([slow, *fast[:2]], 4.5)
    (1.5, None)
    """
    after = [second for second in seconds if second.second >= int(end)]
    for index in range(len(after) - RECOVERED_SECONDS + 1):
        if all(second.calm for second in after[index : index + RECOVERED_SECONDS]):
            return round(max(0.0, after[index].second - end), 2)
    return None


def recovery(
    kind: str,
    disturbed: tuple[float, float],
    due: Mapping[str, float],
    latency_ms: Mapping[str, float],
    seconds: Sequence[SecondOfRun],
) -> Recovery:
    """Return what a burst or stall between these seconds of the run did."""
    begin, end = disturbed
    within = [event for event, at in due.items() if begin <= at < end]
    before = [event for event, at in due.items() if at < end]
    answered = [latency_ms[event] for event in within if event in latency_ms]
    missing = any(event not in latency_ms for event in before)
    last = max((due[event] + latency_ms[event] / 1e3 for event in before if event in latency_ms), default=end)
    return Recovery(
        kind=kind,
        begin_seconds=round(begin, 2),
        end_seconds=round(end, 2),
        p99_ms=percentile(answered, 99),
        lost=len(within) - len(answered),
        caught_up_seconds=None if missing else round(max(0.0, last - end), 2),
        recovered_seconds=recovered_seconds(seconds, end),
    )
