"""What to measure: the settings of a run, and when each event of it is due."""

from __future__ import annotations

from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from deploy.bench.errors import CannotMeasure

Loop = Literal["open", "closed"]
Skew = Literal["zipf", "uniform"]
CALM_SHARE = 1 / 3
"""The share of the time besides a burst or stall that lies before it; the rest shows how the system recovers."""


class Burst(Struct, frozen=True):
    """A higher rate, in events per second, for some seconds within a run."""

    rate: float
    seconds: float


class BenchPlan(Struct, frozen=True, kw_only=True):
    """The settings of a measurement; runs are compared only where all of them agree.

    `loop` "open": events are due at `rate`, however slow the answers are. "closed": each of `clients` users sends the
    next event once the last is answered. `stall_seconds`: how long the worker is stopped. Each of `seeds` is a run.
    `engine` handles users and item statistics on a temporary stack.
    """

    loop: Loop = "open"
    rate: float = 300.0
    clients: int = 8
    seconds: float = 60.0
    warmup_seconds: float = 10.0
    users: int = 2_000
    users_skew: Skew = "zipf"
    items: int = 2_000
    burst: Burst | None = None
    stall_seconds: float = 0.0
    seeds: tuple[int, ...] = (0,)
    profile: bool = False
    engine: Literal["python", "flink"] = "python"

    @property
    def disturbed(self) -> tuple[float, float] | None:
        """Return when the burst or stall begins and ends, in seconds from the start; none without one."""
        length = self.burst.seconds if self.burst else self.stall_seconds
        if not length:
            return None
        begin = (self.seconds - length) * CALM_SHARE
        return begin, begin + length


def parse_burst(text: str) -> Burst | None:
    """Return the burst that an option `RATE:SECONDS` names; none of an empty one.

    Raises:
        CannotMeasure: it has another form.

    >>> parse_burst("1500:10")
    Burst(rate=1500.0, seconds=10.0)
    """
    if not text:
        return None
    try:
        rate, seconds = (float(part) for part in text.split(":"))
    except ValueError as exc:
        raise CannotMeasure(f"--burst {text!r} is not RATE:SECONDS, such as 1500:10") from exc
    return Burst(rate, seconds)


def parse_numbers(text: str, option: str) -> tuple[int, ...]:
    """Return the whole numbers of a list such as `1,2,3`.

    Raises:
        CannotMeasure: it is empty or holds something else.
    """
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as exc:
        raise CannotMeasure(f"{option} {text!r} is not a list of whole numbers, such as 1,2,3") from exc


def check(plan: BenchPlan) -> None:
    """Check that the settings make sense together.

    Raises:
        CannotMeasure: they do not; the message says which.
    """
    if min(plan.rate, plan.seconds, plan.users, plan.items, plan.clients) <= 0:
        raise CannotMeasure("--rate, --seconds, --users, --items and --clients must be above 0")
    if plan.burst and min(plan.burst.rate, plan.burst.seconds) <= 0:
        raise CannotMeasure(f"the rate and seconds of --burst must be above 0: {plan.burst.rate}:{plan.burst.seconds}")
    if plan.burst and plan.stall_seconds:
        raise CannotMeasure("--burst and --stall disturb the same moment: measure them in two runs")
    if plan.engine == "flink" and (plan.stall_seconds or plan.profile):
        raise CannotMeasure("--stall and --profile are about Python's worker: leave --engine out")
    if plan.loop == "closed" and plan.disturbed:
        raise CannotMeasure("--burst and --stall need events that are due at a time: --loop open")
    if plan.disturbed and plan.disturbed[0] <= 0:
        raise CannotMeasure(f"a burst or stall must be shorter than the run of {plan.seconds:g} s")


def due_times(plan: BenchPlan) -> NDArray[np.float64]:
    """Return when each event of an open loop is due, in seconds from the start.

    >>> due_times(BenchPlan(rate=2, seconds=2)).tolist()
    [0.0, 0.5, 1.0, 1.5]
    """
    if plan.burst is None or plan.disturbed is None:
        return evenly(plan.rate, 0.0, plan.seconds)
    begin, end = plan.disturbed
    parts = (
        evenly(plan.rate, 0.0, begin),
        evenly(plan.burst.rate, begin, end),
        evenly(plan.rate, end, plan.seconds),
    )
    return np.concatenate(parts)


def evenly(rate: float, begin: float, end: float) -> NDArray[np.float64]:
    """Return evenly spaced times from `begin` on and before `end`, in seconds."""
    times: NDArray[np.float64] = begin + np.arange(int(rate * (end - begin) + 1e-9)) / rate
    return times
