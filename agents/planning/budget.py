"""What a trigger may spend, in event time: debounce, cool-down, and token buckets of tokens and milliseconds."""

from __future__ import annotations

from msgspec import Struct

from agents.memory.record import NEVER

MINUTE = 60.0


class Cost(Struct, frozen=True, array_like=True):
    """What making one plan costs: language-model tokens, and milliseconds of work."""

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
    """A token bucket that holds one minute's worth: `used` of it is gone as of event time `at`."""

    used: float = 0.0
    at: float = 0.0


class Spending(Struct, frozen=True, array_like=True):
    """What one trigger did: when its condition was last true, when it last made a plan, and what is spent."""

    held_at: float = -NEVER
    fired_at: float = -NEVER
    tokens: Bucket = Bucket()
    milliseconds: Bucket = Bucket()


def take(bucket: Bucket, cost: float, per_minute: float, now: float) -> Bucket | None:
    """The bucket after taking `cost` out of it, none if there is not enough in it. Time that runs back refills nothing.

    >>> take(Bucket(), 6.0, 10.0, now=0.0), take(Bucket(6.0, 0.0), 6.0, 10.0, now=1.0)
    (Bucket(used=6.0, at=0.0), None)
    >>> take(Bucket(6.0, 0.0), 6.0, 10.0, now=30.0)
    Bucket(used=7.0, at=30.0)
    """
    at = max(now, bucket.at)
    used = max(0.0, bucket.used - (at - bucket.at) * per_minute / MINUTE) + cost
    return Bucket(used, at) if used <= per_minute else None


def spend(spending: Spending, budget: Budget, cost: Cost, now: float) -> tuple[Spending, bool]:
    """Note that the trigger's condition is true at `now`, and pay for a plan if all its limits allow one.

    >>> once, paid = spend(Spending(), Budget(cool_down=60.0), Cost(), now=0.0)
    >>> paid, spend(once, Budget(cool_down=60.0), Cost(), now=59.0)[1]
    (True, False)
    """
    quiet = now - spending.held_at >= budget.debounce and now - spending.fired_at >= budget.cool_down
    tokens = take(spending.tokens, cost.tokens, budget.tokens_per_minute, now)
    work = take(spending.milliseconds, cost.milliseconds, budget.milliseconds_per_minute, now)
    if not quiet or tokens is None or work is None:
        return Spending(now, spending.fired_at, spending.tokens, spending.milliseconds), False
    return Spending(now, now, tokens, work), True
