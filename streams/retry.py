"""The retry policy: every process waits in the same way for a server that is away, and goes on where it stopped.

A server that is away costs time and no record: partitions wait for it, and offsets are committed later. So a policy
without `attempts` retries for as long as it takes. Fences are not retried by a policy: a fenced owner takes new
leases and decides again, without a wait.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from tenacity import AsyncRetrying, RetryCallState, Retrying, stop_after_attempt, stop_never
from tenacity.retry import retry_if_exception
from tenacity.stop import stop_base
from tenacity.wait import wait_fixed

from schemas.errors import StoreUnavailable
from streams.log.kafka_errors import KafkaAway

T = TypeVar("T")


SERVER_AWAY = (StoreUnavailable, KafkaAway)
"""The errors of a server that does not answer now: the same call may succeed later."""


def is_away(error: BaseException) -> bool:
    """Return whether an error is one of `SERVER_AWAY`.

    >>> is_away(StoreUnavailable("no answer")), is_away(KafkaAway("no answer")), is_away(ValueError("wrong"))
    (True, True, False)
    """
    return isinstance(error, SERVER_AWAY)


def server_of(error: BaseException) -> str:
    """Return the name of the server that is away, as metrics name it.

    >>> server_of(StoreUnavailable("no answer")), server_of(KafkaAway("no answer"))
    ('state-store', 'kafka')
    """
    return "state-store" if isinstance(error, StoreUnavailable) else "kafka"


def _never() -> bool:
    return False


def _ignore(error: BaseException) -> None:
    """Do nothing: nobody observes the attempts."""


@dataclass(frozen=True)
class RetryPolicy:
    """How a call to a server is retried: `wait_seconds` between attempts, at most `attempts` of them if that is set.

    Only errors that `retries` accepts are retried; every other error passes at once. The last error passes when the
    attempts are used up, or when `until` holds after a failed attempt.
    """

    wait_seconds: float
    attempts: int | None = None
    retries: Callable[[BaseException], bool] = is_away

    def call(
        self,
        call: Callable[[], T],
        *,
        sleep: Callable[[float], None],
        on_error: Callable[[BaseException], None] = _ignore,
        until: Callable[[], bool] = _never,
    ) -> T:
        """Return what `call` returns; `on_error` sees each error that is retried, before the wait.

        >>> errors = iter([StoreUnavailable("1"), StoreUnavailable("2")])
        >>> def load() -> str:
        ...     for error in errors:
        ...         raise error
        ...     return "state"
        >>> waits: list[float] = []
        >>> RetryPolicy(0.5).call(load, sleep=waits.append), waits
        ('state', [0.5, 0.5])
        """
        return Retrying(sleep=sleep, **self._strategy(on_error, until))(call)

    async def call_async(
        self,
        call: Callable[[], Awaitable[T]],
        *,
        sleep: Callable[[float], Awaitable[None]],
        on_error: Callable[[BaseException], None] = _ignore,
        until: Callable[[], bool] = _never,
    ) -> T:
        """Return what awaiting `call` returns, as `call` of this class does; the event loop goes on during waits."""
        result: T = await AsyncRetrying(sleep=sleep, **self._strategy(on_error, until))(call)
        return result

    def _strategy(self, on_error: Callable[[BaseException], None], until: Callable[[], bool]) -> dict[str, Any]:
        def observe(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            if error is not None:
                on_error(error)

        limit: stop_base = stop_never if self.attempts is None else stop_after_attempt(self.attempts)
        return {
            "wait": wait_fixed(self.wait_seconds),
            "retry": retry_if_exception(self.retries),
            "stop": lambda state: until() or limit(state),
            "after": observe,
            "reraise": True,
        }


STATE_RETRY = RetryPolicy(0.5)
"""For Kafka and the state store, which users' lists wait for."""
PROJECTION_RETRY = RetryPolicy(1.0)
"""For the stores behind the projector, which no list waits for."""
