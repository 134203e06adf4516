"""One contract, every state store."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from msgspec.structs import replace

from features.memory_state import MemoryStateStore
from features.ports import Origin, StateStore, Write
from features.redis_state import RedisStateStore
from schemas.errors import Fenced, StoreRewound, StoreUnavailable

_prefixes = count()


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.servers)])
def store(request: pytest.FixtureRequest) -> StateStore:
    if request.param == "memory":
        return MemoryStateStore()
    url = request.getfixturevalue("redis_server").url.get_secret_value()
    return RedisStateStore(url, prefix=f"contract{next(_prefixes)}")


def write(epoch: int, states: dict[str, bytes], **applied: int) -> Write:
    return Write(scope="people", partition=3, epoch=epoch, states=states, applied=applied)


def test_saved_states_are_loaded_and_others_are_missing(store: StateStore) -> None:
    lease = store.lease("people", 3)
    store.save(write(lease.epoch, {"ann": b"1", "bob": b"2"}, a=5))
    assert store.load("people", 3, ["ann", "eve"]) == {"ann": b"1"}
    assert store.load("people", 3, []) == {}
    assert store.applied("people", 3) == {"a": 5}


def test_partitions_and_scopes_do_not_see_each_other(store: StateStore) -> None:
    lease = store.lease("people", 3)
    store.save(write(lease.epoch, {"ann": b"1"}, a=5))
    assert store.load("people", 2, ["ann"]) == {}
    assert store.load("items", 3, ["ann"]) == {}


def test_leasing_a_partition_returns_its_applied_offsets(store: StateStore) -> None:
    first = store.lease("people", 3)
    store.save(write(first.epoch, {}, a=5, b=7))
    second = store.lease("people", 3)
    assert second.applied == {"a": 5, "b": 7}
    assert second.epoch > first.epoch


def test_a_stale_owner_cannot_write(store: StateStore) -> None:
    former, _ = store.lease("people", 3), store.lease("people", 3)
    with pytest.raises(Fenced):
        store.save(write(former.epoch, {"ann": b"zombie"}, a=9))
    assert store.load("people", 3, ["ann"]) == {}
    assert store.applied("people", 3) == {}


def test_a_write_that_rewinds_an_offset_is_refused_as_a_whole(store: StateStore) -> None:
    lease = store.lease("people", 3)
    store.save(write(lease.epoch, {"ann": b"new"}, a=9))
    with pytest.raises(Fenced):
        store.save(write(lease.epoch, {"ann": b"old"}, a=8, b=1))
    assert store.load("people", 3, ["ann"]) == {"ann": b"new"}
    assert store.applied("people", 3) == {"a": 9}


def test_writes_are_idempotent(store: StateStore) -> None:
    lease = store.lease("people", 3)
    for _ in range(2):
        store.save(write(lease.epoch, {"ann": b"1"}, a=5))
    assert dict(store.scan("people", 3)) == {"ann": b"1"}


def test_replacing_a_partition_removes_the_old_states_and_fences_its_owner(store: StateStore) -> None:
    lease = store.lease("people", 3)
    store.save(write(lease.epoch, {"ann": b"1", "bob": b"2"}, a=5))
    store.replace("people", 3, {"ann": b"rebuilt"}, {"a": 4})
    assert dict(store.scan("people", 3)) == {"ann": b"rebuilt"}
    assert store.applied("people", 3) == {"a": 4}
    with pytest.raises(Fenced):
        store.save(write(lease.epoch, {"ann": b"old"}, a=6))


def test_a_store_with_fewer_offsets_than_its_owner_knows_refuses_writes(store: StateStore) -> None:
    lease = store.lease("people", 3)
    store.save(write(lease.epoch, {"ann": b"1"}, a=5))
    with pytest.raises(StoreRewound):
        store.save(replace(write(lease.epoch, {"ann": b"2"}, a=9), expected={"a": 7}))
    with pytest.raises(StoreRewound):
        store.save(replace(write(lease.epoch, {"ann": b"2"}, a=9), expected={"b": 0}))
    assert store.load("people", 3, ["ann"]) == {"ann": b"1"}
    store.save(replace(write(lease.epoch, {"ann": b"2"}, a=9), expected={"a": 5}))
    assert store.applied("people", 3) == {"a": 9}


def test_a_store_that_lost_a_partition_refuses_writes_of_its_owner(store: StateStore) -> None:
    with pytest.raises(StoreRewound):
        store.save(write(1, {"ann": b"1"}, a=5))
    assert store.applied("people", 3) == {}


def test_offsets_of_a_source_restart_with_a_new_log(store: StateStore) -> None:
    lease = store.lease("people", 3)
    store.save(write(lease.epoch, {"ann": b"1"}, a=812, b=4))
    another = {"a": Origin("xyz", 1)}
    store.save(replace(write(lease.epoch, {}, a=-1), expected={"a": 812, "b": 4}, origins=another))
    assert store.applied("people", 3) == {"a": -1, "b": 4}
    assert store.lease("people", 3).origins == store.origins("people", 3) == another
    assert store.load("people", 3, ["ann"]) == {"ann": b"1"}


def test_a_rebuilt_partition_has_the_log_that_it_was_rebuilt_from(store: StateStore) -> None:
    store.replace("people", 3, {}, {"a": 4}, {"a": Origin("xyz", 2)})
    assert store.origins("people", 3) == {"a": Origin("xyz", 2)}
    store.replace("people", 3, {}, {"a": 5})
    assert store.origins("people", 3) == {"a": Origin("xyz", 2)}
    store.replace("people", 3, {}, {"b": 6}, {"b": Origin("abc")})
    assert store.origins("people", 3) == {"b": Origin("abc")}, "a source that dropped out is gone"


def test_thousands_of_states_in_one_write(store: StateStore) -> None:
    lease = store.lease("people", 3)
    states = {f"u{number}": b"x" * 50 for number in range(20_000)}
    store.save(write(lease.epoch, states, a=1))
    assert dict(store.scan("people", 3)) == states


def test_an_unreachable_server_is_reported_as_unavailable(free_tcp_port: int) -> None:
    away = RedisStateStore(f"redis://127.0.0.1:{free_tcp_port}/0", timeout_seconds=0.2)
    calls: list[Callable[[], Any]] = [
        lambda: away.lease("people", 0),
        lambda: away.load("people", 0, ["ann"]),
        lambda: away.save(write(1, {}, a=1)),
        lambda: list(away.scan("people", 0)),
    ]
    for call in calls:
        with pytest.raises(StoreUnavailable):
            call()


def test_users_are_due_in_the_order_of_their_times_and_no_sooner(store: StateStore) -> None:
    store.visit_later("people", 3, {"ann": 30.0, "bob": 10.0, "eve": 20.0, "far": 99.0})
    assert store.due("people", 3, 9.9, 10) == []
    assert store.due("people", 3, 30.0, 10) == ["bob", "eve", "ann"]
    assert store.due("people", 3, 30.0, 2) == ["bob", "eve"]
    assert store.due("people", 2, 99.0, 10) == store.due("items", 3, 99.0, 10) == []


def test_a_visited_user_is_no_longer_due_and_a_newer_time_replaces_an_older(store: StateStore) -> None:
    store.visit_later("people", 3, {"ann": 10.0, "bob": 10.0, "k\u00e9/y": 10.0})
    store.visited("people", 3, ["ann", "nobody"])
    store.visit_later("people", 3, {"bob": 50.0})
    assert store.due("people", 3, 49.0, 10) == ["k\u00e9/y"]
    assert store.due("people", 3, 50.0, 10) == ["k\u00e9/y", "bob"]
    store.visit_later("people", 3, {})
    store.visited("people", 3, [])
    assert store.due("people", 3, 50.0, 10) == ["k\u00e9/y", "bob"]
