"""Limits of keys: requests per second by a token bucket, and values per day.

Litestar's own rate limit has one limit for all callers, and serves one request at a time to count it.

Headers: `RateLimit-Policy` names the limits of the key (draft-ietf-httpapi-ratelimit-headers); `RateLimit-Limit`,
`-Remaining` and `-Reset` (seconds) are those of the limit that is nearest to its end.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus

from msgspec import Struct

from deploy.gateway.access.callers import Caller, Limits
from deploy.gateway.access.quotas import DayUsage
from deploy.gateway.limits import MAX_RATED_CALLERS
from deploy.gateway.problems import Problem

DAY_SECONDS = 86_400
NOTHING_USED = DayUsage()
RATE_LIMITED, QUOTA_EXCEEDED = "rate-limited", "quota-exceeded"


class KeyUsage(Struct):
    """What a caller has left: requests at `at` (monotonic seconds), and values used on a day since 1970."""

    requests: float
    at: float
    day: int = 0
    used: int = 0


class RateLimiter:
    """Counts requests and values of callers: of each gateway process for itself. `before` is what keys have used today.

    Of keys all usage is remembered; of users with tokens, that of the `MAX_RATED_CALLERS` seen last.
    """

    def __init__(
        self, *, clock: Callable[[], float], monotonic: Callable[[], float], before: DayUsage = NOTHING_USED
    ) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._usage: OrderedDict[tuple[str, str], KeyUsage] = OrderedDict()
        for key, used in before.used.items():
            self._usage[key, ""] = KeyUsage(0.0, float("-inf"), before.day, used)

    def admit(self, caller: Caller) -> dict[str, str]:
        """Count a request of one value; return the headers that say what is left, none without limits.

        Raises:
            Problem: 429 `rate-limited` or `quota-exceeded`, with `Retry-After` in seconds.
        """
        limits = caller.limits
        if limits.per_second <= 0.0 and limits.per_day <= 0:
            return {}
        usage = self._usage_of(caller)
        if limits.per_second > 0.0 and usage.requests < 1.0:
            seconds = math.ceil((1.0 - usage.requests) / limits.per_second)
            raise _too_many(RATE_LIMITED, self._headers(limits, usage), seconds, _rate_text(limits))
        self._charge_quota(caller, usage, 1)
        usage.requests -= 1.0
        return self._headers(limits, usage)

    def charge(self, caller: Caller, values: int) -> dict[str, str]:
        """Count further values of an admitted request; see `admit`."""
        if caller.limits.per_day <= 0:
            return {}
        usage = self._usage_of(caller)
        self._charge_quota(caller, usage, values)
        return self._headers(caller.limits, usage)

    def used_today(self, key: str) -> int:
        """Return how many values a key has used today (UTC)."""
        usage = self._usage.get((key, ""))
        return usage.used if usage is not None and usage.day == self._today() else 0

    def day_usage(self) -> DayUsage:
        """Return what keys with a quota have used today; may be called from another thread."""
        today = self._today()
        used = {key: usage.used for (key, user), usage in list(self._usage.items()) if not user and usage.day == today}
        return DayUsage(today, {key: values for key, values in used.items() if values})

    def _charge_quota(self, caller: Caller, usage: KeyUsage, values: int) -> None:
        limit = caller.limits.per_day
        if limit > 0 and usage.used + values > limit:
            text = f"the key may use {limit} values a day, and has used {usage.used}: {values} more are too many"
            raise _too_many(QUOTA_EXCEEDED, self._headers(caller.limits, usage), self._day_ends_in(), text)
        if limit > 0:
            usage.used += values

    def _usage_of(self, caller: Caller) -> KeyUsage:
        """Return a caller's usage with the requests that it has gained since the last one."""
        name, now, most = (caller.key, caller.user), self._monotonic(), burst_of(caller.limits)
        usage = self._usage.get(name)
        if usage is None:
            usage = self._usage[name] = KeyUsage(most, now)
            self._forget_oldest()
        elif caller.user:
            self._usage.move_to_end(name)
        if caller.limits.per_second > 0.0:
            usage.requests = min(most, usage.requests + (now - usage.at) * caller.limits.per_second)
        usage.at = now
        if usage.day != self._today():
            usage.day, usage.used = self._today(), 0
        return usage

    def _forget_oldest(self) -> None:
        if len(self._usage) > MAX_RATED_CALLERS:
            oldest = next((name for name in self._usage if name[1]), None)
            if oldest is not None:
                del self._usage[oldest]

    def _headers(self, limits: Limits, usage: KeyUsage) -> dict[str, str]:
        policies, left = [], []
        if limits.per_second > 0.0:
            most = burst_of(limits)
            policies.append(f'"rate";q={most:g};w={max(1, math.ceil(most / limits.per_second))}')
            missing = max(0.0, most - usage.requests) / limits.per_second
            left.append((max(0.0, usage.requests) / most, most, usage.requests, missing))
        if limits.per_day > 0:
            policies.append(f'"quota";q={limits.per_day};w={DAY_SECONDS}')
            rest = max(0, limits.per_day - usage.used)
            left.append((rest / limits.per_day, limits.per_day, rest, self._day_ends_in()))
        _, limit, remaining, reset = min(left)
        return {
            "RateLimit-Policy": ", ".join(policies),
            "RateLimit-Limit": f"{limit:g}" if limit < 1e5 else str(int(limit)),
            "RateLimit-Remaining": str(max(0, int(remaining))),
            "RateLimit-Reset": str(math.ceil(reset)),
        }

    def _today(self) -> int:
        return int(self._clock() // DAY_SECONDS)

    def _day_ends_in(self) -> int:
        return math.ceil(DAY_SECONDS - self._clock() % DAY_SECONDS)


def burst_of(limits: Limits) -> float:
    """Return how many requests may come at once: the limit's burst, or else those of a second, at least one.

    >>> burst_of(Limits(per_second=0.5)), burst_of(Limits(per_second=20.0, burst=50))
    (1.0, 50.0)
    """
    return float(limits.burst) if limits.burst else max(1.0, limits.per_second)


def _rate_text(limits: Limits) -> str:
    return f"{limits.per_second:g} requests a second are accepted, and {burst_of(limits):g} at once: send fewer"


def _too_many(reason: str, headers: dict[str, str], seconds: int, text: str) -> Problem:
    return Problem(HTTPStatus.TOO_MANY_REQUESTS, reason, text, headers={**headers, "Retry-After": str(max(1, seconds))})
