"""The budget of a trigger in event time: debounce, cool-down, and token buckets of tokens and milliseconds."""

from __future__ import annotations

from msgspec import Struct

from agents.memory.record import NEVER

MINUTE = 60.0


class Cost(Struct, frozen=True, array_like=True):
    """The cost of making one plan: language-model tokens, and milliseconds of work."""

    tokens: float = 0.0
    milliseconds: float = 0.0


class Budget(Struct, frozen=True, kw_only=True):
    """The limits of one trigger. Debounce: quiet seconds before it counts again. Cool-down: seconds after a plan."""

    debounce: float = 0.0
    cool_down: float = 0.0
    tokens_per_minute: float = 2_000.0
    milliseconds_per_minute: float = 10.0


UNLIMITED = Budget(tokens_per_minute=NEVER, milliseconds_per_minute=NEVER)


class Bucket(Struct, frozen=True, array_like=True):
    """A token bucket of one minute's budget: `used` of it is spent as of event time `at`."""

    used: float = 0.0
    at: float = 0.0


class Spending(Struct, frozen=True, array_like=True):
    """The spending of one trigger: when its condition was last true, when it last fired, and what is spent."""

    true_at: float = -NEVER
    fired_at: float = -NEVER
    tokens: Bucket = Bucket()
    milliseconds: Bucket = Bucket()


def take(bucket: Bucket, cost: float, per_minute: float, now: float) -> Bucket | None:
    """Return the bucket after taking `cost` out of it, none if too little is left. Time that runs back refills nothing.

    >>> take(Bucket(), 6.0, 10.0, now=0.0), take(Bucket(6.0, 0.0), 6.0, 10.0, now=1.0)
    (Bucket(used=6.0, at=0.0), None)
    >>> take(Bucket(6.0, 0.0), 6.0, 10.0, now=30.0)
    Bucket(used=7.0, at=30.0)
    """
    at = max(now, bucket.at)
    used = max(0.0, bucket.used - (at - bucket.at) * per_minute / MINUTE) + cost
    return Bucket(used, at) if used <= per_minute else None


def is_cooling_down(spending: Spending, budget: Budget, now: float) -> bool:
    """Return whether the trigger's cool-down after its last plan goes on at `now`."""
    return now - spending.fired_at < budget.cool_down


def spend(spending: Spending, budget: Budget, cost: Cost, now: float) -> tuple[Spending, bool]:
    """Record that the trigger's condition is true at `now`, and pay for a plan if all limits allow one.

    >>> once, paid = spend(Spending(), Budget(cool_down=60.0), Cost(), now=0.0)
    >>> paid, spend(once, Budget(cool_down=60.0), Cost(), now=59.0)[1]
    (True, False)
    """
    quiet = now - spending.true_at >= budget.debounce and not is_cooling_down(spending, budget, now)
    tokens = take(spending.tokens, cost.tokens, budget.tokens_per_minute, now)
    work = take(spending.milliseconds, cost.milliseconds, budget.milliseconds_per_minute, now)
    if not quiet or tokens is None or work is None:
        return Spending(now, spending.fired_at, spending.tokens, spending.milliseconds), False
    return Spending(now, now, tokens, work), True
