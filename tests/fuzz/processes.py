"""The guards of the processes that read the log, in memory: the same handlers as on Kafka, no servers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp

from agents.actions.in_process_items import InProcessItems
from agents.memory.embedding import TextVectors
from agents.memory.in_process_memory import InMemoryIndex
from features.item_content import content_vector
from features.ports import FeatureRow
from inference.encoders.hashed_words import HashedWords
from inference.learning.served_versions import announced_weights
from inference.learning.weights_file import Weights
from schemas.codec import decode, encode
from schemas.dead_letters import DeadLetter
from schemas.topics import (
    DEAD_LETTERS,
    ITEM_DELTAS,
    ITEMS,
    MISROUTED,
    RANKING_LOG,
    RECOMMENDATIONS,
)
from streams.handlers.on_item_deltas import on_item_deltas
from streams.log.dead_letters import fitting
from streams.log.partitions import partition_of
from streams.log.records import Inbound, Message
from streams.outcomes.batch_outcome import Counters
from streams.projector.process import Projector, project
from streams.routes import AGGREGATOR, PROJECTOR, TRAINER, WORKER_INPUTS, WORKER_TABLES
from streams.state.partition_store import ITEMS as ITEM_SCOPE
from streams.state.partition_store import PEOPLE
from streams.trainer.process import learn
from streams.worker.receive import receive
from streams.worker.tables import apply_tables
from streams.worker.user_batch import handle_user_batch
from tests.builders import START, item, make_deps
from tests.fuzz.counting import NOW, Guard, a_good_list, owner_of
from tests.fuzz.records import PARTITIONS
from tests.unit.streams.trainer_fixtures import COLUMNS, Shelf, log_of, make_trainer

MODELS = Path(mkdtemp(prefix="fuzz-models"))


class Worker(Guard):
    """The worker's user topics: every batch is received, every tenth one goes all the way to lists."""

    topics = WORKER_INPUTS
    FULL_BATCH_EVERY = 10

    def __init__(self) -> None:
        super().__init__()
        self._owner, self._deps, self._batches = owner_of(PEOPLE), make_deps(clock=lambda: NOW), 0
        for category in ("war", "comedy", "drama"):
            for number in range(8):
                self._deps.table.put_item(item(f"{category}-{number}", category))

    def handle(self, records: Sequence[Inbound]) -> None:
        self._batches += 1
        if self._batches % self.FULL_BATCH_EVERY == 1:
            outcome = handle_user_batch(records, self._owner, self._deps)
            counters, messages = outcome.counters, outcome.messages
            self._owner.store_outcome(outcome)
        else:
            counters = Counters()
            messages = receive(records, self._owner, now=NOW, counters=counters).messages
        self._count(records, counters, messages)

    def _count(self, records: Sequence[Inbound], counters: Counters, messages: Iterable[Message]) -> None:
        broken = 0
        for message in messages:
            if message.topic == DEAD_LETTERS:
                self.counts.letter(message)
                assert isinstance(message.value, DeadLetter)
                broken += message.value.reason == "handler-error"
            elif message.topic == MISROUTED:
                self.counts.passed["misrouted"] += 1
            elif message.value is None:
                assert message.topic == RECOMMENDATIONS, "only lists of erased users are withdrawn"
            else:
                published, value = fitting(message)
                assert published is message, f"a message for {message.topic} is too large"
                decode(message.topic, value, now=NOW)
        events = sum(number for (name, _), number in counters.counts.items() if name == "events")
        self.counts.records += len(records)
        self.counts.accepted += events - broken

    def check(self) -> None:
        a_good_list(self._owner, self._deps)


class Tables(Guard):
    """The worker's tables; the projector writes the dead letters about them."""

    topics = tuple(WORKER_TABLES)

    def __init__(self) -> None:
        super().__init__()
        deps = make_deps(clock=lambda: NOW, knowledge=True)
        self._deps = replace(deps, load_weights=lambda uri: _ignore(_weights(uri)))
        for number in range(8):
            self._deps.table.put_item(item(f"war-{number}", "war"))

    def handle(self, records: Sequence[Inbound]) -> None:
        applied = apply_tables(records, self._deps)
        self.counts.records += len(records)
        self.counts.accepted += applied
        self.counts.passed["the projector's"] += len(records) - applied

    def check(self) -> None:
        recommendation = a_good_list(owner_of(PEOPLE), self._deps)
        assert "scores-not-finite" not in recommendation.degradations


def _weights(uri: str) -> Weights | None:
    """Return the weights of a file, as the wiring reads them; none if it does not exist."""
    return announced_weights(uri, MODELS, COLUMNS)


def _ignore(weights: Weights | None) -> None:
    """Do nothing: the weights are read and checked alone."""


class Aggregator(Guard):
    """The item-statistics aggregator."""

    topics = tuple(AGGREGATOR)

    def __init__(self) -> None:
        super().__init__()
        self._owner = owner_of(ITEM_SCOPE)

    def handle(self, records: Sequence[Inbound]) -> None:
        outcome = on_item_deltas(records, self._owner, now=NOW)
        self._owner.store_outcome(outcome)
        for message in outcome.messages:
            if message.topic == DEAD_LETTERS:
                self.counts.letter(message)
            else:
                _, value = fitting(message)
                decode(message.topic, value, now=NOW)
        self.counts.records += len(records)
        self.counts.accepted += outcome.counters.counts["deltas", ""]

    def check(self) -> None:
        before = self.counts.accepted
        at = partition_of("war-1", PARTITIONS)
        value = b'{"item_id":"war-1","source":"good","offset":1,"event_time":1.7e9,"weight":1.0}'
        record = Inbound(topic=ITEM_DELTAS, partition=at, offset=10**9, key=b"war-1", value=value, timestamp=START)
        self.handle([record])
        assert self.counts.accepted == before + 1


class Trainer(Guard):
    """The trainer, with files in a folder of its own."""

    topics = tuple(TRAINER)

    def __init__(self) -> None:
        super().__init__()
        self._shelf = Shelf()
        self._trainer = make_trainer(log_of(()), Path(mkdtemp(prefix="fuzz")), shelf=self._shelf)

    def handle(self, records: Sequence[Inbound]) -> None:
        learn(self._trainer, records)
        refused = [message for message in self._shelf.messages if message.topic == DEAD_LETTERS]
        for message in refused:
            self.counts.letter(message)
        self._shelf.messages.clear()
        self.counts.records += len(records)
        self.counts.accepted += len(records) - len(refused)

    def check(self) -> None:
        import numpy as np

        weights = self._trainer.progress.online_trainer.export(1)
        assert all(np.isfinite(part).all() for part in weights.arrays.values())


class Projections(Guard):
    """The projector; it writes no dead letters about the ranking log."""

    topics = tuple(PROJECTOR)

    def __init__(self) -> None:
        super().__init__()
        self._letters: list[Message] = []
        self.index = InProcessItems()
        self._projector = Projector(
            reader=None,  # type: ignore[arg-type]
            features=self,  # type: ignore[arg-type]
            memories=InMemoryIndex(),
            vectors=TextVectors(HashedWords()),
            items=self.index,
            factors=InProcessItems(),
            read=_weights,
            memories_of=lambda users: {},
            observer=self,
            publisher=self,  # type: ignore[arg-type]
            clock=lambda: NOW,
            sleep=lambda seconds: None,
        )

    def write(self, rows: list[FeatureRow], *, now: float) -> None: ...

    def erase(self, users: list[str]) -> None: ...

    def projected(self, target: str, rows: int, *, delay: float) -> None: ...

    def away(self, target: str) -> None: ...

    def refused(self, topic: str, reason: str) -> None: ...

    def publish(self, messages: Sequence[Message]) -> None:
        self._letters += messages

    def handle(self, records: Sequence[Inbound]) -> None:
        assert project(self._projector, records, until=lambda: False)
        for message in self._letters:
            self.counts.letter(message)
        of_ranking_log = sum(record.topic == RANKING_LOG for record in records)
        self.counts.records += len(records)
        self.counts.passed["ranking log"] += of_ranking_log
        self.counts.accepted += len(records) - of_ranking_log - len(self._letters)
        self._letters.clear()

    def check(self) -> None:
        good = item("good-1", "war")
        record = Inbound(topic=ITEMS, partition=0, offset=1, key=b"good-1", value=encode(good), timestamp=START)
        self.handle([record])
        similar = self.index.similar(content_vector(good), 1_000)
        assert good.item_id in {entry.item_id for entry in similar}
