"""The outcome of a batch. Handlers write nothing: the runner publishes it, stores it, and acknowledges its records."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct, field

from features.ports import Write
from inference.query import Ranking
from streams.log.records import Message
from streams.outcomes.record_outcome import PrequentialQuery
from streams.state.user_record import UserRecord


class Counters(Struct):
    """Counts of what happened in a batch, by name and label, for its observer."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def count(self, name: str, label: str = "", by: int = 1) -> None:
        """Add `by` to a count."""
        self.counts[(name, label)] += by


class BatchOutcome(Struct, frozen=True, kw_only=True):
    """Messages to publish, states to store with their offsets, and the user records after the batch.

    `visits` holds, by partition and user, when a timer visits them (`streams.worker.visits`).
    `evaluated` are the prequential queries of the batch with their rankings, for its observer.
    """

    messages: tuple[Message, ...] = ()
    writes: tuple[Write, ...] = ()
    users: dict[str, UserRecord] = {}
    visits: dict[int, dict[str, float]] = {}
    evaluated: tuple[tuple[PrequentialQuery, Ranking], ...] = ()
    counters: Counters
