"""Counts of the outcomes of records at a guard, and what every guard must still do afterwards."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from math import isfinite
from typing import get_args

from features.memory_state import MemoryStateStore
from schemas.codec import decode, encode
from schemas.dead_letters import DeadLetter
from schemas.errors import ReasonCode
from schemas.recommendations import Recommendation
from schemas.topics import (
    DEAD_LETTERS,
    INTERACTIONS,
    RECOMMENDATIONS,
)
from streams.handlers.deps import Deps
from streams.log.kafka_client import MESSAGE_BYTES_LIMIT
from streams.log.partitions import partition_of
from streams.log.records import Inbound, Message
from streams.state.partition_store import PartitionStore
from streams.worker.user_batch import handle_user_batch
from tests.builders import START, click
from tests.fuzz.records import PARTITIONS

REASONS = frozenset(get_args(ReasonCode))
NOW = START + 1e6


@dataclass
class Counts:
    """Counts of outcomes. `passed` are records that are neither accepted nor dead letters of this process."""

    records: int = 0
    accepted: int = 0
    passed: Counter[str] = field(default_factory=Counter)
    letters: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    """Unexpected errors of handlers that the guard caught."""

    @property
    def adds_up(self) -> bool:
        """Return whether every record has exactly one outcome."""
        return self.records == self.accepted + self.passed.total() + self.letters.total()

    def letter(self, message: Message) -> None:
        """Count a dead letter, after decoding it as its readers do."""
        letter = message.value
        assert isinstance(letter, DeadLetter)
        assert letter.reason in REASONS, letter.reason
        value = encode(letter)
        assert len(value) <= MESSAGE_BYTES_LIMIT, f"a letter of {len(value)} bytes"
        assert decode(DEAD_LETTERS, value, now=NOW) == letter
        self.letters[letter.reason] += 1


class Guard:
    """One process: the topics that it reads, how it handles a batch, and a check that it still works afterwards."""

    topics: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.counts = Counts()

    def handle(self, records: Sequence[Inbound]) -> None:
        """Handle a batch in the process, and count the outcome of each record."""
        raise NotImplementedError

    def check(self) -> None:
        """Check that a good record is still handled correctly."""
        raise NotImplementedError


class Faults(logging.Handler):
    """Counts the errors that `streams.log.guard` caught."""

    def __init__(self, counts: Counts) -> None:
        super().__init__()
        self._counts = counts

    def emit(self, record: logging.LogRecord) -> None:
        exc = record.exc_info[1] if record.exc_info else None
        self._counts.faults[f"{record.getMessage()}: {type(exc).__name__}: {exc}"[:200]] += 1


def a_good_list(events: PartitionStore, deps: Deps) -> Recommendation:
    """Return the list that answers a click of a new user."""
    event = click(f"good{next(_numbers)}", "war-0")
    at = partition_of(event.user_id, PARTITIONS)
    applied = events.applied(at).get(f"{INTERACTIONS}-{at}", -1)
    record = Inbound(
        topic=INTERACTIONS,
        partition=at,
        offset=max(applied + 1, 10**9 + next(_numbers)),
        key=event.user_id.encode(),
        value=encode(event),
        timestamp=START + 1.0,
    )
    outcome = handle_user_batch([record], events, deps)
    [recommendation] = [message.value for message in outcome.messages if message.topic == RECOMMENDATIONS]
    assert isinstance(recommendation, Recommendation)
    assert recommendation.home.items
    assert all(isfinite(ranked.score) for ranked in recommendation.home.items)
    return recommendation


_numbers = count()


def owner_of(scope: str) -> PartitionStore:
    owner = PartitionStore(MemoryStateStore(), scope=scope, partitions=PARTITIONS)
    owner.assign(range(PARTITIONS))
    return owner
