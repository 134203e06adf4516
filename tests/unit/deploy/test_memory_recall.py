"""Recall by meaning: exact over a user's memories, with an index, without one, and while it is away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from agents.memory.embedding import MemoryEncoder, TextVectors, Vectors, text_of
from agents.memory.in_process_memory import InMemoryIndex
from agents.memory.ports import FoundMemory, MemoryIndex
from agents.memory.recall import RecalledMemory
from deploy.gateway.served.memory_recall import MemoryRecall
from features.memory_state import MemoryStateStore
from inference.encoders.hashed_words import HashedWords
from inference.encoders.sentence_encoder import SentenceEncoder
from schemas.errors import StoreUnavailable
from schemas.ids import UserId
from schemas.instructions import BanCategory
from schemas.memories import Memory
from schemas.topics import INSTRUCTIONS
from tests.builders import START, click, event_id, make_runner, memory, send_event, small_catalogue
from tests.unit.deploy.gateway_fixtures import NOW, build, running

ANN = UserId("ann")
TASTES = [memory("ann", value) for value in ("Horror", "Jazz", "Cooking", "Football", "Children's films")]


class Away(InMemoryIndex):
    """An index that does not answer."""

    asked = 0

    def search(self, user: UserId, vector: Vectors, k: int, **more: object) -> tuple[FoundMemory, ...]:
        self.asked += 1
        raise StoreUnavailable("Milvus at 'nowhere' failed")


def index_of(memories: Sequence[Memory], encoder: MemoryEncoder) -> InMemoryIndex:
    index = InMemoryIndex()
    index.put(memories, encoder.encode([text_of(one) for one in memories]))
    return index


def recalled(
    text: str, memories: Sequence[Memory], index: MemoryIndex | None, encoder: MemoryEncoder, n: int = 10
) -> tuple[RecalledMemory, ...]:
    recall = MemoryRecall(lambda: encoder, index)
    try:
        return asyncio.run(recall.recalled(ANN, memories, text, n, 0.0))
    finally:
        recall.close()


def values(found: Sequence[RecalledMemory]) -> list[str]:
    return [one.memory.value for one in found]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("something scary to frighten me", "Horror"),
        ("music with a saxophone", "Jazz"),
        ("recipes for dinner", "Cooking"),
        ("Spiele der Bundesliga", "Football"),
        ("something for my little daughter", "Children's films"),
    ],
)
def test_memories_are_recalled_by_meaning_though_no_word_is_shared(
    text: str, value: str, sentences: SentenceEncoder
) -> None:
    assert values(recalled(text, TASTES, None, sentences))[0] == value


@pytest.fixture(scope="module")
def sentences() -> SentenceEncoder:
    return SentenceEncoder()


@pytest.mark.parametrize("kept", [(), TASTES[:2], TASTES, [*TASTES, memory("ann", "no more believed")]])
def test_the_index_may_have_none_some_or_more_of_the_memories(kept: Sequence[Memory]) -> None:
    encoder = HashedWords()
    alone = recalled("likes cooking", TASTES, None, encoder)
    beside = recalled("likes cooking", TASTES, index_of(kept, encoder), encoder)
    assert values(beside) == values(alone)
    assert values(alone)[0] == "Cooking"
    assert [one.similarity for one in beside] == pytest.approx([one.similarity for one in alone], abs=1e-6)


def test_recall_goes_on_while_the_index_is_away_and_leaves_it_alone_for_a_while() -> None:
    index, now = Away(), [100.0]
    recall = MemoryRecall(HashedWords, index, lambda: now[0])
    for at, asked in ((100.0, 1), (105.0, 1), (111.0, 2)):
        now[0] = at
        assert values(asyncio.run(recall.recalled(ANN, TASTES, "jazz", 10, 0.0)))[0] == "Jazz"
        assert index.asked == asked
    recall.close()


def test_a_memory_that_says_something_else_by_now_is_compared_as_it_is() -> None:
    before = memory("ann", "i7", subject="item", traits=(("", "Horror"),))
    now = memory("ann", "i7", subject="item", traits=(("", "Jazz"),))
    index = index_of([before], HashedWords())
    assert recalled("jazz", [now], index, HashedWords())[0].similarity > 0.5
    assert recalled("horror", [now], index, HashedWords())[0].similarity < 0.5


def test_vectors_of_texts_are_kept_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.memory.embedding.KEPT_TEXTS", 3)
    vectors, texts = TextVectors(HashedWords()), [f"text {n}" for n in range(9)]
    expected = HashedWords().encode(texts)
    for asked in (texts, texts[:2] * 2, texts[7:] + texts[:3], []):
        found = vectors(asked)
        assert found.shape == (len(asked), HashedWords.width)
        assert (found == expected[[texts.index(text) for text in asked]]).all()
        assert len(vectors._kept) <= 3


def test_of_what_is_alike_the_surer_comes_first() -> None:
    faint = memory("ann", "Jazz", "likes", strength=0.2)
    sure = memory("ann", "Jazz", "wants-more", source="stated", strength=4.0)
    assert [one.memory for one in recalled("jazz", [faint, sure], None, HashedWords())] == [sure, faint]
    assert [one.memory for one in recalled("", [faint, sure], None, HashedWords(), n=1)] == [sure]


def test_the_gateway_recalls_what_holds_now() -> None:
    store = MemoryStateStore()
    runner = make_runner(store=store)
    small_catalogue(runner)
    send_event(runner, click("ann", "war-0", at=0))
    said = {"event_id": event_id(), "user_id": ANN, "event_time": START + 5}
    send_event(runner, BanCategory(**said, category="drama", until=NOW + 10.0), INSTRUCTIONS)
    built = build(store=store)
    with running(built) as gateway:
        now = gateway.get("/v1/users/ann/memories", q="bans drama").json()["memories"]
        gateway.now = NOW + 20.0
        later = gateway.get("/v1/users/ann/memories", q="bans drama").json()["memories"]
        nobody = gateway.get("/v1/users/bob/memories", q="drama").json()["memories"]
    assert (now[0]["predicate"], now[0]["value"]) == ("bans", "drama")
    assert now[0]["likeness"] > now[1]["likeness"]
    assert 0.0 < now[1]["confidence"] < 1.0
    assert "drama" not in {one["value"] for one in later}
    assert nobody == []
