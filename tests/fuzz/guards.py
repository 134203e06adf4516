"""What each process does with records that it cannot use, in memory: the same handlers as on Kafka, no servers."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from math import isfinite
from pathlib import Path
from tempfile import mkdtemp
from typing import get_args

from agents.actions.in_process_items import InProcessItems
from agents.memory.in_process_memory import InMemoryIndex
from deploy.gateway.cache import KEPT_TOPICS, Cache
from deploy.gateway.intake import intake, is_bulk
from deploy.gateway.problems import Problem
from deploy.letters import folded, readable
from features.memory_state import MemoryStateStore
from features.ports import FeatureRow
from inference.learning.served_versions import announced_weights
from inference.learning.weights_file import Weights
from schemas.codec import decode, encode
from schemas.dead_letters import DeadLetter
from schemas.errors import DecodeError, ReasonCode
from schemas.ids import UserId
from schemas.recommendations import Recommendation
from schemas.topics import (
    DEAD_LETTERS,
    INTERACTIONS,
    ITEM_DELTAS,
    ITEMS,
    RANKING_LOG,
    RECOMMENDATIONS,
    STRAYS,
)
from streams.dead_letters import dead_letter, fitting
from streams.deps import Deps
from streams.kafka_client import LARGEST_MESSAGE
from streams.on_item_deltas import on_item_deltas
from streams.outcome import Tally
from streams.owner import ITEMS as ITEM_SCOPE
from streams.owner import PEOPLE, Owner
from streams.partitions import partition_of
from streams.people import handle_people
from streams.projector import PROJECTED_TOPICS, Projector, project
from streams.receive import receive
from streams.records import Inbound, Message
from streams.routes import PERSON_INPUTS, TABLES
from streams.tables import apply_tables
from streams.trainer import learn
from tests.builders import START, click, item, make_deps
from tests.fuzz.records import PARTITIONS
from tests.unit.streams.trainer_world import COLUMNS, Shelf, log_of, make_trainer

REASONS = frozenset(get_args(ReasonCode))
NOW = START + 1e6
MODELS = Path(mkdtemp(prefix="fuzz-models"))


@dataclass
class Counts:
    """What became of records. `passed` are no letters of this process, by what they are instead."""

    records: int = 0
    accepted: int = 0
    passed: Counter[str] = field(default_factory=Counter)
    letters: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    """What a handler did not foresee, and its guard caught."""

    @property
    def adds_up(self) -> bool:
        """Whether every record became something, and one thing only."""
        return self.records == self.accepted + self.passed.total() + self.letters.total()

    def letter(self, message: Message) -> None:
        """Count a letter, after it was read as its readers will."""
        letter = message.value
        assert isinstance(letter, DeadLetter)
        assert letter.reason in REASONS, letter.reason
        value = encode(letter)
        assert len(value) <= LARGEST_MESSAGE, f"a letter of {len(value)} bytes"
        assert decode(DEAD_LETTERS, value, now=NOW) == letter
        self.letters[letter.reason] += 1


class Guard:
    """One process: the topics that it reads, what it does with a batch, and that it still works afterwards."""

    topics: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.counts = Counts()

    def take(self, records: Sequence[Inbound]) -> None:
        """Have the process handle a batch, and count what became of each record."""
        raise NotImplementedError

    def check(self) -> None:
        """See that a good record is still handled as it should be."""
        raise NotImplementedError


class Faults(logging.Handler):
    """Counts what `streams.guard` caught."""

    def __init__(self, counts: Counts) -> None:
        super().__init__()
        self._counts = counts

    def emit(self, record: logging.LogRecord) -> None:
        exc = record.exc_info[1] if record.exc_info else None
        self._counts.faults[f"{record.getMessage()}: {type(exc).__name__}: {exc}"[:200]] += 1


def a_good_list(events: Owner, deps: Deps) -> Recommendation:
    """The list that a click of somebody new leads to."""
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
    outcome = handle_people([record], events, deps)
    [made] = [message.value for message in outcome.messages if message.topic == RECOMMENDATIONS]
    assert isinstance(made, Recommendation)
    assert made.home.items
    assert all(isfinite(place.score) for place in made.home.items)
    return made


_numbers = count()


def _owner(scope: str) -> Owner:
    owner = Owner(MemoryStateStore(), scope=scope, partitions=PARTITIONS)
    owner.assign(range(PARTITIONS))
    return owner


class Worker(Guard):
    """The people's worker: every batch is received, each tenth goes all the way to lists."""

    topics = PERSON_INPUTS
    ALL_THE_WAY = 10

    def __init__(self) -> None:
        super().__init__()
        self._owner, self._deps, self._batches = _owner(PEOPLE), make_deps(clock=lambda: NOW), 0
        for category in ("war", "comedy", "drama"):
            for number in range(8):
                self._deps.table.put_item(item(f"{category}-{number}", category))

    def take(self, records: Sequence[Inbound]) -> None:
        self._batches += 1
        if self._batches % self.ALL_THE_WAY == 1:
            outcome = handle_people(records, self._owner, self._deps)
            tally, messages = outcome.tally, outcome.messages
            self._owner.store_outcome(outcome)
        else:
            tally = Tally()
            messages = receive(records, self._owner, now=NOW, tally=tally).messages
        self._count(records, tally, messages)

    def _count(self, records: Sequence[Inbound], tally: Tally, messages: Iterable[Message]) -> None:
        broken = 0
        for message in messages:
            if message.topic == DEAD_LETTERS:
                self.counts.letter(message)
                assert isinstance(message.value, DeadLetter)
                broken += message.value.reason == "handler-error"
            elif message.topic == STRAYS:
                self.counts.passed["stray"] += 1
            else:
                published, value = fitting(message)
                assert published is message, f"a message for {message.topic} is too large"
                decode(message.topic, value, now=NOW)
        events = sum(number for (name, _), number in tally.counts.items() if name == "events")
        self.counts.records += len(records)
        self.counts.accepted += events - broken

    def check(self) -> None:
        a_good_list(self._owner, self._deps)


class Tables(Guard):
    """The worker's tables; letters about them are the projector's."""

    topics = tuple(TABLES)

    def __init__(self) -> None:
        super().__init__()
        self._deps = replace(make_deps(clock=lambda: NOW), take_up=lambda uri: _looked_at(_weights(uri)))
        for number in range(8):
            self._deps.table.put_item(item(f"war-{number}", "war"))

    def take(self, records: Sequence[Inbound]) -> None:
        taken = apply_tables(records, self._deps)
        self.counts.records += len(records)
        self.counts.accepted += taken
        self.counts.passed["the projector's"] += len(records) - taken

    def check(self) -> None:
        made = a_good_list(_owner(PEOPLE), self._deps)
        assert "scores-not-finite" not in made.degradations


def _weights(uri: str) -> Weights | None:
    """Weights by their file, as the wiring reads them; none if it is gone."""
    return announced_weights(uri, MODELS, COLUMNS)


def _looked_at(weights: Weights | None) -> None:
    """Nothing is done with them."""


class Aggregator(Guard):
    """The owner of items' statistics."""

    topics = (ITEM_DELTAS,)

    def __init__(self) -> None:
        super().__init__()
        self._owner = _owner(ITEM_SCOPE)

    def take(self, records: Sequence[Inbound]) -> None:
        outcome = on_item_deltas(records, self._owner, now=NOW)
        self._owner.store_outcome(outcome)
        for message in outcome.messages:
            if message.topic == DEAD_LETTERS:
                self.counts.letter(message)
            else:
                _, value = fitting(message)
                decode(message.topic, value, now=NOW)
        self.counts.records += len(records)
        self.counts.accepted += outcome.tally.counts["deltas", ""]

    def check(self) -> None:
        before = self.counts.accepted
        at = partition_of("war-1", PARTITIONS)
        value = b'{"item_id":"war-1","source":"good","offset":1,"event_time":1.7e9,"weight":1.0}'
        record = Inbound(topic=ITEM_DELTAS, partition=at, offset=10**9, key=b"war-1", value=value, timestamp=START)
        self.take([record])
        assert self.counts.accepted == before + 1


class Trainer(Guard):
    """The trainer, with files in a folder of its own."""

    topics = (RANKING_LOG,)

    def __init__(self) -> None:
        super().__init__()
        self._shelf = Shelf()
        self._trainer = make_trainer(log_of(()), Path(mkdtemp(prefix="fuzz")), shelf=self._shelf)

    def take(self, records: Sequence[Inbound]) -> None:
        learn(self._trainer, records)
        refused = [message for message in self._shelf.messages if message.topic == DEAD_LETTERS]
        for message in refused:
            self.counts.letter(message)
        self._shelf.messages.clear()
        self.counts.records += len(records)
        self.counts.accepted += len(records) - len(refused)

    def check(self) -> None:
        import numpy as np

        weights = self._trainer.progress.course.export(1)
        assert all(np.isfinite(part).all() for part in weights.arrays.values())


class Projections(Guard):
    """The projector; of the ranking log it writes no letters."""

    topics = PROJECTED_TOPICS

    def __init__(self) -> None:
        super().__init__()
        self._letters: list[Message] = []
        self.index = InProcessItems()
        self._projector = Projector(
            reader=None,  # type: ignore[arg-type]
            features=self,  # type: ignore[arg-type]
            memories=InMemoryIndex(),
            items=self.index,
            factors=InProcessItems(),
            read=_weights,
            observer=self,
            publisher=self,  # type: ignore[arg-type]
            clock=lambda: NOW,
            sleep=lambda seconds: None,
        )

    def write(self, rows: list[FeatureRow], *, log_name: str) -> None: ...

    def projected(self, target: str, rows: int, *, delay: float) -> None: ...

    def away(self, target: str) -> None: ...

    def refused(self, topic: str, reason: str) -> None: ...

    def publish(self, messages: Sequence[Message]) -> None:
        self._letters += messages

    def take(self, records: Sequence[Inbound]) -> None:
        assert project(self._projector, records, until=lambda: False)
        for message in self._letters:
            self.counts.letter(message)
        of_the_trainer = sum(record.topic == RANKING_LOG for record in records)
        self.counts.records += len(records)
        self.counts.passed["ranking log"] += of_the_trainer
        self.counts.accepted += len(records) - of_the_trainer - len(self._letters)
        self._letters.clear()

    def check(self) -> None:
        good = item("good-1", "war")
        record = Inbound(topic=ITEMS, partition=0, offset=1, key=b"good-1", value=encode(good), timestamp=START)
        self.take([record])
        assert self.index.like(good.item_id, 1) is not None


class GatewayCache(Guard):
    """What the gateway keeps at hand."""

    topics = KEPT_TOPICS

    def __init__(self) -> None:
        super().__init__()
        self._refused = 0
        self._cache = Cache(list_bytes=1_000_000, clock=lambda: NOW, refuse=self._refuse)
        self._cache.caught_up = True

    def _refuse(self, record: Inbound, exc: DecodeError) -> None:
        self._refused += 1
        self.counts.letter(dead_letter(record, exc.reason, str(exc), NOW))

    def take(self, records: Sequence[Inbound]) -> None:
        before = self._refused
        self._cache.take(records)
        self.counts.records += len(records)
        self.counts.accepted += len(records) - (self._refused - before)

    def check(self) -> None:
        from tests.unit.deploy.gateway_world import made_list

        value = encode(made_list("good", 1))
        record = Inbound(topic=RECOMMENDATIONS, partition=0, offset=1, key=b"good", value=value, timestamp=START)
        self.take([record])
        assert self._cache.list_of(UserId("good")) == value
        assert isfinite(self._cache.lag)


class GatewayIntake(Guard):
    """What is posted: a body that is a list counts once for each of its values, and is refused as one."""

    topics = (*tuple(topic for topic in PERSON_INPUTS if topic not in (STRAYS, "rank-requests")), ITEMS)

    def take(self, records: Sequence[Inbound]) -> None:
        for record in records:
            self._post(record.topic, record.value or b"")

    def _post(self, topic: str, body: bytes) -> None:
        counts = self.counts
        try:
            taken = intake(topic, body, now=NOW, new_id=lambda: "given")
        except Problem as problem:
            counts.records += 1
            counts.passed[f"answered {problem.details.status} {problem.details.reason}"] += 1
            return
        found = len(taken.records) + len(taken.rejected)
        assert found == 1 or is_bulk(body)
        counts.records += found
        counts.accepted += len(taken.records)
        for _, value in taken.records:
            decode(topic, value, now=NOW)
        for rejected in taken.rejected:
            assert rejected.reason in REASONS
            assert rejected.message
            counts.letters[rejected.reason] += 1

    def check(self) -> None:
        before = self.counts.accepted
        self._post(INTERACTIONS, b'{"type":"like","user_id":"u1","item_id":"i1"}')
        assert self.counts.accepted == before + 1


class LetterReading(Guard):
    """Who lists dead letters: what is no letter is passed over."""

    topics = (DEAD_LETTERS,)

    def take(self, records: Sequence[Inbound]) -> None:
        from deploy.cli.dead_letters import _named, _row

        letters = list(readable(records, now=NOW))
        for letter in folded(letters):
            assert all(isinstance(cell, str) for cell in _row(letter))
            _named(letter)
        self.counts.records += len(records)
        self.counts.accepted += len(letters)
        self.counts.passed["no letter"] += len(records) - len(letters)

    def check(self) -> None:
        good = dead_letter(
            Inbound(topic=ITEMS, partition=0, offset=0, key=None, value=None, timestamp=0.0), "empty", "", NOW
        )
        assert isinstance(good.value, DeadLetter)
        record = Inbound(topic=DEAD_LETTERS, partition=0, offset=0, key=None, value=encode(good.value), timestamp=NOW)
        assert list(readable([record], now=NOW)) == [good.value]


GUARDS: dict[str, type[Guard]] = {
    "worker": Worker,
    "worker-tables": Tables,
    "aggregator": Aggregator,
    "trainer": Trainer,
    "projector": Projections,
    "gateway-cache": GatewayCache,
    "gateway-intake": GatewayIntake,
    "dead-letters": LetterReading,
}
