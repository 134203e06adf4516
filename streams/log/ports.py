"""The ports of the runners: publishers, readers of the log, and observers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from streams.log.records import Inbound, Message
from streams.outcomes.batch_outcome import BatchOutcome


class Receipt(Protocol):
    """Waits until posted messages are acknowledged by all replicas, for as long as it takes."""

    def wait(self) -> None:
        """Return when all are acknowledged. May be called from any thread."""
        ...


class Publisher(Protocol):
    """Produces messages, each to the partition of its owner, or else of its key, in the order of the calls."""

    def post(self, messages: Sequence[Message]) -> Receipt:
        """Queue all messages; does not block."""
        ...

    def publish(self, messages: Sequence[Message]) -> None:
        """Post the messages and wait for the receipt."""
        ...


class TableReader(Protocol):
    """Reads whole topics from their beginning, for tables that every worker keeps."""

    def catch_up(self) -> Sequence[Inbound]:
        """Return all records up to the present ends of the topics. Called once, first; may block for long."""
        ...

    def poll(self) -> Sequence[Inbound]:
        """Return the records since the last call; blocks for a moment if there are none."""
        ...


class PartsReader(TableReader, Protocol):
    """A `TableReader` that can hand over what it reads piece by piece, so that the whole is never in memory."""

    def catch_up_in_parts(self) -> Iterator[Sequence[Inbound]]:
        """Yield all records up to the present ends of the topics. Called once, first, in place of `catch_up`."""
        ...


class LogReader(Protocol):
    """Reads topics as a member of a group."""

    def poll(self, limit: int, seconds: float) -> Sequence[Inbound]:
        """Return up to `limit` records, after at most `seconds` of waiting."""
        ...

    def commit(self) -> None:
        """Commit the offsets of all that was polled: it is handled."""
        ...


class Observer(Protocol):
    """Receives what happened, for metrics. Must not block and must not raise."""

    def batch_done(self, outcome: BatchOutcome, *, published: float, stored: float) -> None:
        """Observe a batch that was published and stored at these wall-clock times, in seconds."""
        ...

    def table_read(self, topic: str, records: int) -> None:
        """Observe that so many records of a table topic were applied."""
        ...

    def waiting_for(self, what: str) -> None:
        """Observe that a server is away and the partitions wait for it."""
        ...

    def lag(self, topic: str, partition: int, records: int) -> None:
        """Observe that so many records of a partition are not applied yet."""
        ...

    def broken(self, how: str, what: str, partition: int) -> None:
        """Observe that the log of a topic or the store of a scope was rewound: see `streams.state.positions.Break`."""
        ...


class Unobserved:
    """An `Observer` that ignores everything."""

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
