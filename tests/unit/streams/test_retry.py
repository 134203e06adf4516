"""A server that is away is waited for, by one policy: what is retried, how long it takes, and when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from schemas.errors import Fenced, StoreUnavailable
from streams.log.kafka_errors import KafkaAway
from streams.retry import PROJECTION_RETRY, STATE_RETRY, RetryPolicy


def failing(*errors: Exception) -> Callable[[], str]:
    """A call that raises each of these errors once, then returns."""
    left: Iterator[Exception] = iter(errors)

    def call() -> str:
        for error in left:
            raise error
        return "state"

    return call


def test_a_server_that_comes_back_is_asked_again_after_the_same_wait_each_time() -> None:
    waits: list[float] = []
    call = failing(StoreUnavailable("1"), KafkaAway("2"), StoreUnavailable("3"))
    assert STATE_RETRY.call(call, sleep=waits.append) == "state"
    assert waits == [STATE_RETRY.wait_seconds] * 3


def test_every_error_is_reported_before_its_wait() -> None:
    seen: list[object] = []
    call = failing(StoreUnavailable("1"), StoreUnavailable("2"))
    STATE_RETRY.call(call, sleep=seen.append, on_error=lambda error: seen.append(str(error)))
    assert seen == ["1", 0.5, "2", 0.5]


@pytest.mark.parametrize("error", [Fenced("another owner"), ValueError("a bug")])
def test_an_error_of_no_server_passes_at_once(error: Exception) -> None:
    waits: list[float] = []
    with pytest.raises(type(error)):
        STATE_RETRY.call(failing(error), sleep=waits.append)
    assert waits == []


def test_a_policy_of_some_attempts_raises_the_last_error() -> None:
    waits: list[float] = []
    with pytest.raises(StoreUnavailable, match="3"):
        RetryPolicy(1.0, attempts=3).call(
            failing(*(StoreUnavailable(f"{number}") for number in range(1, 9))), sleep=waits.append
        )
    assert waits == [1.0, 1.0]


def test_a_process_that_is_to_end_waits_no_longer() -> None:
    reported: list[str] = []
    waits: list[float] = []
    with pytest.raises(StoreUnavailable, match="2"):
        PROJECTION_RETRY.call(
            failing(StoreUnavailable("1"), StoreUnavailable("2"), StoreUnavailable("3")),
            sleep=waits.append,
            on_error=lambda error: reported.append(str(error)),
            until=lambda: len(reported) == 2,
        )
    assert (reported, waits) == (["1", "2"], [PROJECTION_RETRY.wait_seconds])


def test_the_event_loop_waits_by_the_same_policy() -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    call = failing(StoreUnavailable("1"), KafkaAway("2"))

    async def load() -> str:
        return call()

    assert asyncio.run(STATE_RETRY.call_async(load, sleep=sleep)) == "state"
    assert waits == [0.5, 0.5]


def test_a_cancelled_wait_ends() -> None:
    async def cancelled() -> str:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(STATE_RETRY.call_async(cancelled, sleep=asyncio.sleep))
