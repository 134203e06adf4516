"""Projection of learned item factors: only factors that moved are written, also after the index was away."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from agents.actions.in_process_items import InProcessItems
from agents.actions.ports import IndexedItem, Vectors
from agents.memory.embedding import TextVectors
from agents.memory.in_process_memory import InMemoryIndex
from features.item_factors import FACTOR_DIMENSIONS, FACTOR_WIDTH
from features.ports import FeatureRow
from inference.encoders.hashed_words import HashedWords
from inference.learning.item_vectors import ItemVectors
from inference.learning.weights_file import Weights
from schemas.codec import encode
from schemas.errors import StoreUnavailable
from schemas.ids import ItemId
from schemas.model_updates import Decided, ModelUpdate
from schemas.topics import ITEMS, MODEL_UPDATES
from streams.log.records import Inbound, Message
from streams.projector.factor_sync import FactorSync
from streams.projector.process import Projector, project
from tests.builders import START, item


class Index(InProcessItems):
    """An item index that records writes, and does not answer the first `away` times."""

    def __init__(self, away: int = 0) -> None:
        super().__init__()
        self.away = away
        self.written: list[ItemId] = []

    def put(self, items: Sequence[IndexedItem], vectors: Vectors) -> None:
        if self.away:
            self.away -= 1
            raise StoreUnavailable("Milvus at 'nowhere' failed")
        super().put(items, vectors)
        self.written += [item.item_id for item in items]


class ProjectedFactors:
    """A projector of announced weights, which are read by their URI."""

    def __init__(self, away: int = 0) -> None:
        self.index = Index(away)
        self.aside: list[tuple[str, str]] = []
        self.letters: list[Message] = []
        self.weights: dict[str, Weights] = {}
        self.projector = Projector(
            reader=None,  # type: ignore[arg-type]
            features=self,  # type: ignore[arg-type]
            memories=InMemoryIndex(),
            vectors=TextVectors(HashedWords()),
            items=InProcessItems(),
            factors=self.index,
            read=self.weights.get,
            memories_of=lambda users: {},
            observer=self,
            publisher=self,  # type: ignore[arg-type]
            clock=lambda: START,
            sleep=lambda seconds: None,
        )

    def write(self, rows: list[FeatureRow], *, now: float) -> None: ...

    def projected(self, target: str, rows: int, *, delay: float) -> None: ...

    def away(self, target: str) -> None: ...

    def refused(self, topic: str, reason: str) -> None:
        self.aside.append((topic, reason))

    def publish(self, messages: Sequence[Message]) -> None:
        self.letters += messages

    def serve(self, uri: str, rows: dict[str, list[float]], decision: Decided = "continued") -> None:
        """Announce weights with these appeals."""
        vectors = np.zeros((len(rows), FACTOR_WIDTH), np.float32)
        vectors[:, :2] = list(rows.values())
        ids = tuple(map(ItemId, rows))
        self.weights[uri] = Weights(version=1, table="", arrays={}, vector_ids=ids, vectors=vectors)
        self.announce(uri, decision)

    def announce(self, uri: str, decision: Decided = "continued") -> None:
        update = ModelUpdate(
            model="ranker",
            version=1,
            uri=uri,
            table="",
            score=0.0,
            metric="mrr",
            examples=0,
            decision=decision,
            reason="",
        )
        self.send(MODEL_UPDATES, "ranker", encode(update))

    def send(self, topic: str, key: str, value: bytes | None) -> None:
        record = Inbound(topic=topic, partition=0, offset=0, key=key.encode(), value=value, timestamp=START)
        assert project(self.projector, [record], until=lambda: False)


def test_only_factors_that_turned_are_written_again() -> None:
    projection = ProjectedFactors()
    projection.serve("1", {"a": [1.0, 0.0], "b": [0.0, 1.0], "unknown": [0.0, 0.0]})
    projection.serve("2", {"a": [2.0, 0.01], "b": [1.0, 1.0], "c": [1.0, 0.0]})
    assert projection.index.written == ["a", "b", "b", "c"]
    assert [similar.item_id for similar in projection.index.like(ItemId("a"), 9)] == ["c", "b"]
    assert projection.index.like(ItemId("b"), 1)[0].similarity == pytest.approx(2**-0.5, abs=1e-3)


def test_weights_that_do_not_serve_or_were_replaced_change_nothing() -> None:
    projection = ProjectedFactors()
    projection.serve("1", {"a": [1.0, 0.0]}, decision="refused")
    projection.announce("tidied-away")
    assert projection.index.written == []


def test_a_withdrawn_item_is_not_written_until_it_is_back_in_the_catalogue() -> None:
    projection = ProjectedFactors()
    projection.serve("1", {"a": [1.0, 0.0], "b": [0.0, 1.0]})
    projection.send(ITEMS, "a", None)
    projection.serve("2", {"a": [1.0, 0.0], "b": [0.0, 1.0]})
    assert projection.index.like(ItemId("a"), 1) == ()
    projection.send(ITEMS, "a", encode(item("a")))
    projection.serve("3", {"a": [1.0, 0.0], "b": [0.0, 1.0]})
    assert projection.index.written == ["a", "b", "a"]


def test_initial_appeals_are_not_written() -> None:
    """Candidates without a choice or an error keep their initial appeals, which are random."""
    learned = ItemVectors(seed=0)
    names = tuple(ItemId(f"i{number}") for number in range(50))
    learned.learn(names, names[:3], np.zeros(50, np.float32))
    ids, vectors = learned.export()
    assert FactorSync().moved(Weights(version=1, table="", arrays={}, vector_ids=ids, vectors=vectors))[0] == []
    wrong = np.zeros(50, np.float32)
    wrong[:2] = (-1.0, 1.0)
    learned.learn(names, names[:3], wrong)
    ids, vectors = learned.export()
    moved, _ = FactorSync().moved(Weights(version=2, table="", arrays={}, vector_ids=ids, vectors=vectors))
    assert set(moved) == {"i0", "i1"}


def test_kept_vectors_do_not_keep_whole_batches_in_memory() -> None:
    sent, batch = FactorSync(), np.eye(3, FACTOR_DIMENSIONS, dtype=np.float32)
    sent.sent([ItemId("a")], batch[:1])
    assert all(vector.base is None for vector in sent._written.values())


def test_an_index_that_was_away_is_written_when_it_is_back() -> None:
    projection = ProjectedFactors(away=2)
    projection.serve("1", {"a": [1.0, 0.0]})
    assert projection.index.written == ["a"]
    assert projection.projector.sent.moved(projection.weights["1"])[1].shape == (0, FACTOR_DIMENSIONS)
