"""What handling a batch comes to. Nothing is written by handlers: the runner publishes, stores, acknowledges."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct, field

from features.ports import Write
from inference.query import Ranking
from streams.log.records import Message
from streams.outcomes.record_outcome import PrequentialQuery
from streams.state.user_record import UserRecord


class Counters(Struct):
    """What happened in a batch, for whoever observes it: counts by name and label."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def count(self, name: str, label: str = "", by: int = 1) -> None:
        """Note that something happened."""
        self.counts[(name, label)] += by


class BatchOutcome(Struct, frozen=True, kw_only=True):
    """Messages to publish, states to store with their offsets, and the people as they are then.

    `visits` says, by partition, when a timer is to look at people again (`streams.worker.list_outcomes`).
    `evaluated` are the exams of the batch with what was ranked for each, for whoever observes it.
    """

    messages: tuple[Message, ...] = ()
    writes: tuple[Write, ...] = ()
    people: dict[str, UserRecord] = {}
    visits: dict[int, dict[str, float]] = {}
    evaluated: tuple[tuple[PrequentialQuery, Ranking], ...] = ()
    counters: Counters
