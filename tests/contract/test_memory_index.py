"""What every memory index and every item index promises, in the process or on a Milvus server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from msgspec.structs import replace

from agents.actions.in_process_items import InProcessItems
from agents.actions.milvus_items import MilvusItems
from agents.actions.ports import IndexedItem, ItemIndex
from agents.memory.embedding import text_of
from agents.memory.in_process_memory import InMemoryIndex
from agents.memory.milvus_memory import MilvusMemory
from agents.memory.ports import MemoryIndex
from agents.memory.record import memory_id
from agents.milvus_collection import Address
from deploy.settings import MilvusSettings
from inference.encoders.hashed_words import HashedWords
from schemas.ids import ItemId, UserId
from schemas.memories import Memory
from tests.builders import memory

WIDTH = 4
NASTY = 'a" or user_id != "\\ {x} \n\t é 漢 \U0001f600 %'
_users = count()

SERVERS = pytest.param("milvus", marks=pytest.mark.servers)


@pytest.fixture(scope="module")
def collection() -> str:
    """A name that no other run uses; the collections are made once, for they take seconds."""
    return f"contract_{uuid4().hex[:8]}"


@pytest.fixture(params=["in-process", SERVERS])
def memories(request: pytest.FixtureRequest, collection: str) -> Iterator[MemoryIndex]:
    if request.param == "in-process":
        yield InMemoryIndex()
        return
    index = MilvusMemory(
        _address(request), collection=f"{collection}_memories", width=HashedWords.width, consistency="Strong"
    )
    yield index
    index.close()


@pytest.fixture(params=["in-process", SERVERS])
def items(request: pytest.FixtureRequest, collection: str) -> Iterator[ItemIndex]:
    if request.param == "in-process":
        yield InProcessItems()
        return
    index = MilvusItems(_address(request), width=WIDTH, collection=f"{collection}_items", consistency="Strong")
    index.delete([ItemId(name) for name in ("a", "b", "c", NASTY)])
    yield index
    index.close()


def _address(request: pytest.FixtureRequest) -> Address:
    server: MilvusSettings = request.getfixturevalue("milvus_server")
    return Address(uri=server.uri, token=server.token.get_secret_value(), timeout_seconds=30.0)


@pytest.fixture
def user() -> UserId:
    """Return a user id that no other test uses."""
    return UserId(f"user-{next(_users)}")


def put(index: MemoryIndex, *memories: Memory) -> None:
    index.put(memories, HashedWords().encode([text_of(one) for one in memories]))


def hits(index: MemoryIndex, user: UserId, text: str = "likes jazz", **more: Any) -> list[str]:
    return [one.value for one in index.search(user, HashedWords().encode([text])[0], 10, **more)]


def test_the_most_similar_memory_comes_first(memories: MemoryIndex, user: UserId) -> None:
    put(memories, memory(user, "folk"), memory(user, "jazz"), memory(user, "rock", "dislikes"))
    first = memories.search(user, HashedWords().encode(["likes jazz"])[0], 2)[0]
    assert (first.value, first.predicate) == ("jazz", "likes")
    assert first.similarity == pytest.approx(1.0, abs=1e-5)
    assert first.memory_id == memory_id(user, "category", "likes", "jazz")


def test_no_more_than_k_memories_are_returned(memories: MemoryIndex, user: UserId) -> None:
    put(memories, *(memory(user, f"c{k}") for k in range(5)))
    assert len(memories.search(user, HashedWords().encode(["likes"])[0], 3)) == 3


def test_memories_of_other_users_are_never_returned(memories: MemoryIndex, user: UserId) -> None:
    put(memories, memory(user, "jazz"))
    assert hits(memories, UserId(f"{user}-other")) == []


def test_a_user_id_full_of_quotes_finds_its_own_memories_only(memories: MemoryIndex, user: UserId) -> None:
    nasty = UserId(f"{user}{NASTY}")
    put(memories, memory(user, "jazz"), memory(nasty, NASTY))
    assert hits(memories, nasty) == [NASTY]
    memories.delete(nasty)
    assert (hits(memories, nasty), hits(memories, user)) == ([], ["jazz"])


def test_memories_can_be_restricted_to_predicates(memories: MemoryIndex, user: UserId) -> None:
    put(memories, memory(user, "jazz"), memory(user, "rock", "dislikes"), memory(user, "war", "bans"))
    assert sorted(hits(memories, user, predicates=("dislikes", "bans"))) == ["rock", "war"]


def test_writing_twice_is_writing_once(memories: MemoryIndex, user: UserId) -> None:
    put(memories, memory(user, "jazz"))
    put(memories, memory(user, "jazz"), memory(user, "jazz"))
    assert hits(memories, user) == ["jazz"]


def test_stale_memories_are_stored_but_not_returned(memories: MemoryIndex, user: UserId) -> None:
    put(memories, memory(user, "jazz", state="stale"))
    assert hits(memories, user) == []
    put(memories, memory(user, "jazz"))
    assert hits(memories, user) == ["jazz"]


def test_a_memory_that_has_ended_is_removed(memories: MemoryIndex, user: UserId) -> None:
    put(memories, memory(user, "jazz"), memory(user, "folk"))
    put(memories, replace(memory(user, "jazz"), recorded_to=5.0))
    assert hits(memories, user) == ["folk"]


def test_of_memories_that_share_an_id_the_last_counts(memories: MemoryIndex, user: UserId) -> None:
    put(memories, memory(user, "jazz"), replace(memory(user, "jazz"), recorded_to=5.0))
    assert hits(memories, user) == []
    put(memories, replace(memory(user, "jazz"), recorded_to=5.0), memory(user, "jazz"))
    assert hits(memories, user) == ["jazz"]


def test_named_memories_are_deleted_and_unknown_ids_ignored(memories: MemoryIndex, user: UserId) -> None:
    jazz, folk = memory(user, "jazz"), memory(user, "folk")
    put(memories, jazz, folk)
    memories.delete(user, [jazz.memory_id, memory(user, "unknown").memory_id])
    assert hits(memories, user) == ["folk"]
    memories.delete(user, [])
    assert hits(memories, user) == ["folk"]


def test_writing_nothing_is_allowed(memories: MemoryIndex, items: ItemIndex) -> None:
    put(memories)
    items.put([], np.zeros((0, WIDTH), dtype=np.float32))
    items.delete([])


VECTORS = np.array([[1, 0, 0, 0], [0.8, 0.6, 0, 0], [0, 1, 0, 0], [0, 0, -2, 0]], dtype=np.float32)


def stocked(index: ItemIndex) -> ItemIndex:
    named: Sequence[tuple[str, tuple[str, ...]]] = (
        ("a", ("war",)),
        ("b", ("war", "drama")),
        ("c", ("drama", NASTY)),
        (NASTY, ()),
    )
    index.put([IndexedItem(ItemId(name), of) for name, of in named], VECTORS)
    return index


def test_the_most_similar_items_come_first_with_their_cosine(items: ItemIndex) -> None:
    similar = stocked(items).similar(3 * VECTORS[0], 2)
    assert [one.item_id for one in similar] == ["a", "b"]
    assert [one.similarity for one in similar] == pytest.approx([1.0, 0.8], abs=1e-5)


def test_items_can_be_restricted_to_categories(items: ItemIndex) -> None:
    stocked(items)
    assert [one.item_id for one in items.similar(VECTORS[0], 9, categories=("drama",))] == ["b", "c"]
    assert [one.item_id for one in items.similar(VECTORS[0], 9, categories=("war", NASTY))] == ["a", "b", "c"]
    assert items.similar(VECTORS[0], 9, categories=("unknown",)) == ()


def test_items_similar_to_a_stored_item_exclude_it(items: ItemIndex) -> None:
    like = stocked(items).like(ItemId("b"), 2)
    assert [one.item_id for one in like] == ["a", "c"]
    assert [one.similarity for one in like] == pytest.approx([0.8, 0.6], abs=1e-5)
    assert items.like(ItemId("unknown"), 2) == ()


def test_a_withdrawn_item_is_not_returned(items: ItemIndex) -> None:
    stocked(items).delete([ItemId("a"), ItemId(NASTY), ItemId("unknown")])
    assert [one.item_id for one in items.similar(VECTORS[0], 9)] == ["b", "c"]


def test_an_item_that_is_written_again_has_its_new_vector_and_categories(items: ItemIndex) -> None:
    stocked(items).put([IndexedItem(ItemId("a"), ("drama",))], VECTORS[3:])
    assert items.similar(VECTORS[3], 1, categories=("drama",))[0].item_id == "a"
    assert [one.item_id for one in items.similar(VECTORS[0], 9, categories=("war",))] == ["b"]
