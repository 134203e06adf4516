"""What the runners need from outside: somewhere to publish, and somebody who watches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from streams.log.records import Inbound, Message
from streams.outcomes.batch_outcome import BatchOutcome


class Receipt(Protocol):
    """For messages that were posted: waits until each is acknowledged by all replicas, for as long as it takes."""

    def wait(self) -> None:
        """Return when all are. May be called from any thread."""
        ...


class Publisher(Protocol):
    """Produces messages, each to the partition that its owner (or else its key) decides, in the order of the calls."""

    def post(self, messages: Sequence[Message]) -> Receipt:
        """Have all on their way; does not block."""
        ...

    def publish(self, messages: Sequence[Message]) -> None:
        """Post, and wait for the receipt."""
        ...


class TableReader(Protocol):
    """Reads whole topics from their beginning on, for tables that every worker keeps."""

    def catch_up(self) -> Sequence[Inbound]:
        """Everything up to the ends of the topics as they are now. Called once, first; may block for long."""
        ...

    def poll(self) -> Sequence[Inbound]:
        """What came since; blocks for a moment if there is nothing."""
        ...


class LogReader(Protocol):
    """Reads a topic as a group; `commit` says that all that was polled is done with."""

    def poll(self, limit: int, seconds: float) -> Sequence[Inbound]:
        """Up to `limit` records, waiting at most so long."""
        ...

    def commit(self) -> None:
        """What was polled so far is done with."""
        ...


class Observer(Protocol):
    """Told what happened, for metrics. Must not block and must not raise."""

    def batch_done(self, outcome: BatchOutcome, *, published: float, stored: float) -> None:
        """A batch was published and stored at these wall-clock times."""
        ...

    def table_read(self, topic: str, records: int) -> None:
        """So many records of a table's topic were taken in."""
        ...

    def waiting_for(self, what: str) -> None:
        """A server is away; the partitions wait for it."""
        ...

    def lag(self, topic: str, partition: int, records: int) -> None:
        """So many records of a partition are not applied yet."""
        ...

    def broken(self, how: str, what: str, partition: int) -> None:
        """The log of a topic, or what is stored of a scope, is not what it was: see `streams.state.positions.Break`."""
        ...


class Unobserved:
    """An `Observer` that looks away."""

    def batch_done(self, outcome: BatchOutcome, *, published: float, stored: float) -> None:
        """See `Observer`."""

    def table_read(self, topic: str, records: int) -> None:
        """See `Observer`."""

    def waiting_for(self, what: str) -> None:
        """See `Observer`."""

    def lag(self, topic: str, partition: int, records: int) -> None:
        """See `Observer`."""

    def broken(self, how: str, what: str, partition: int) -> None:
        """See `Observer`."""
