"""A circuit breaker: a server that fails is left alone for a while (Nygard, Release It!)."""

from __future__ import annotations

from collections.abc import Callable


class CircuitBreaker:
    """Opens after `failures` in a row, for `seconds` of a monotonic clock; then one call tries: an answer closes it, a
    failure opens it again. Recovery needs no restart.

    >>> at = [0.0]
    >>> breaker = CircuitBreaker(failures=2, seconds=10.0, clock=lambda: at[0])
    >>> breaker.failed(), breaker.failed(), breaker.allows()
    (None, None, False)
    >>> at[0] = 10.0
    >>> breaker.allows(), breaker.allows(), breaker.worked(), breaker.allows()
    (True, False, None, True)
    """

    def __init__(self, *, failures: int, seconds: float, clock: Callable[[], float]) -> None:
        self._most, self._seconds, self._clock = failures, seconds, clock
        self._failures = 0
        self._try_at = float("-inf")

    @property
    def is_open(self) -> bool:
        """Return whether calls fail without being made."""
        return self._failures >= self._most

    def allows(self) -> bool:
        """Return whether a call may be made; while the breaker is open, one may each time that its pause is over."""
        if not self.is_open:
            return True
        if self._clock() < self._try_at:
            return False
        self._try_at = self._clock() + self._seconds
        return True

    def worked(self) -> None:
        """Note that a call was answered."""
        self._failures = 0

    def failed(self) -> None:
        """Note that a call failed."""
        self._failures += 1
        if self.is_open:
            self._try_at = self._clock() + self._seconds
