"""The Milvus adapters on a real server: what an in-process contract suite cannot show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from uuid import uuid4

import numpy as np
import pytest
from msgspec.structs import replace

from agents.actions.milvus_items import MilvusItems
from agents.actions.ports import IndexedItem
from agents.memory.milvus_memory import MilvusMemory
from agents.milvus_collection import Address
from deploy.settings import MilvusSettings
from inference.encoders.hashed_words import HashedWords
from schemas.errors import StoreRefused, StoreUnavailable
from schemas.ids import ItemId, MemoryId, UserId
from tests.builders import memory

pytestmark = pytest.mark.servers

SOME_USER = UserId("u1")
WIDTH = HashedWords.width


@pytest.fixture(scope="module")
def address(milvus_server: MilvusSettings) -> Address:
    return Address(uri=milvus_server.uri, token=milvus_server.token.get_secret_value(), timeout_seconds=30.0)


@pytest.fixture
def collection() -> str:
    return f"test_{uuid4().hex[:8]}"


@pytest.fixture
def many(address: Address, collection: str) -> Iterator[MilvusItems]:
    index = MilvusItems(address, width=64, collection=collection, consistency="Strong")
    yield index
    index.close()


def test_a_batch_larger_than_one_upsert_arrives_whole_and_is_searched_exactly(many: MilvusItems) -> None:
    vectors = np.random.default_rng(7).normal(size=(2_500, 64)).astype(np.float32)
    many.put([IndexedItem(ItemId(f"i{k}"), ("odd" if k % 2 else "even",)) for k in range(2_500)], vectors)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for row in (0, 999, 1_000, 2_499):
        nearest = np.argsort(-(unit @ unit[row]), kind="stable")[:20]
        assert [match.item_id for match in many.similar(vectors[row], 20)] == [f"i{k}" for k in nearest]
    odd = many.similar(vectors[1], 20, categories=("odd",))
    assert len(odd) == 20
    assert all(int(match.item_id[1:]) % 2 for match in odd)


def test_a_second_client_finds_the_collection_that_the_first_one_made(
    many: MilvusItems, address: Address, collection: str
) -> None:
    vector = np.ones((1, 64), dtype=np.float32)
    many.put([IndexedItem(ItemId("i1"))], vector)
    second = MilvusItems(address, width=64, collection=collection, consistency="Strong")
    assert [match.item_id for match in second.similar(vector[0], 5)] == ["i1"]
    second.close()


def test_after_closing_the_next_use_connects_again(many: MilvusItems) -> None:
    vector = np.ones((1, 64), dtype=np.float32)
    many.put([IndexedItem(ItemId("i1"))], vector)
    many.close()
    assert len(many.similar(vector[0], 5)) == 1


def test_a_missing_server_raises_store_unavailable() -> None:
    index = MilvusMemory(Address(uri="http://127.0.0.1:1", timeout_seconds=0.5), collection="memories", width=WIDTH)
    with pytest.raises(StoreUnavailable, match=r"'http://127\.0\.0\.1:1'.*'memories'"):
        index.search(SOME_USER, HashedWords().encode(["jazz"])[0], 1)


def test_a_wrong_password_raises_store_unavailable(address: Address) -> None:
    unauthorized = MilvusMemory(
        Address(uri=address.uri, token="root:wrong", timeout_seconds=5.0), collection="memories", width=WIDTH
    )
    with pytest.raises(StoreUnavailable):
        unauthorized.search(SOME_USER, HashedWords().encode(["jazz"])[0], 1)


def test_a_batch_that_the_server_never_accepts_is_refused_without_waiting(address: Address) -> None:
    """A value longer than its field: retries cannot help, and later batches must go on."""
    index = MilvusMemory(address, collection="refused", width=WIDTH)
    ann = memory("ann", "jazz")
    too_long = replace(ann, memory_id=MemoryId("m2"), value="x" * 2_000)
    with pytest.raises(StoreRefused):
        index.put([too_long], HashedWords().encode(["x"]))
    index.put([ann], HashedWords().encode(["jazz"]))


def test_a_collection_replaces_those_of_other_encoders(address: Address, collection: str) -> None:
    former = MilvusMemory(address, collection=f"{collection}_a", width=WIDTH)
    former.put([memory("ann", "jazz")], HashedWords().encode(["jazz"]))
    others = MilvusItems(address, width=8, collection=f"{collection}_items")
    others.put([IndexedItem(ItemId("i1"))], np.ones((1, 8), np.float32))
    family = re.compile(f"{collection}_.*")
    reader = MilvusMemory(address, collection=f"{collection}_b", width=8, creates=False, family=family)
    with pytest.raises(StoreUnavailable, match="has no collection"):
        reader.search(UserId("ann"), np.ones(8, np.float32), 1)
    assert reader.count(UserId("ann")) == 1
    newer = MilvusMemory(address, collection=f"{collection}_b", width=8, family=family)
    newer.put([memory("ann", "jazz"), memory("ann", "folk")], np.ones((2, 8), np.float32))
    client = address.connect(timeout_seconds=30.0)
    made = {name for name in client.list_collections() if name.startswith(collection)}
    assert made == {f"{collection}_b", f"{collection}_items"}
    assert reader.count(UserId("ann")) == 2
    for closed in (former, others, reader, newer, client):
        closed.close()
