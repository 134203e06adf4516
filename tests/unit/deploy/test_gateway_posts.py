"""The gateway checks, stores and acknowledges posts, in that order."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from deploy.gateway.serving.backlog import Backlog, behind
from schemas.codec import decode
from schemas.topics import INSTRUCTIONS, INTERACTIONS, ITEMS
from streams.log.partitions import partition_of
from streams.state.positions import Bounds
from tests.unit.deploy.gateway_fixtures import KEY, NOW, PARTITIONS, GatewayFixture, build, eventually, running

CLICK = {"type": "click", "event_id": "e1", "user_id": "u1", "event_time": 1.7e9, "item_id": "i1"}


@pytest.fixture
def gateway() -> Iterator[GatewayFixture]:
    with running(build(post_seconds=2.0, body_bytes=1_200_000)) as gateway:
        yield gateway


def values(gateway: GatewayFixture, topic: str) -> list[Any]:
    return [msgspec.json.decode(record.value) for record in gateway.records(topic)]


def test_an_event_is_stored_unchanged_under_its_user_before_it_is_acknowledged(gateway: GatewayFixture) -> None:
    response = gateway.post("/v1/interactions", CLICK | {"unheard_of": [1, {"x": None}]})
    (record,) = gateway.records(INTERACTIONS)
    assert record.key == b"u1"
    assert record.partition == partition_of("u1", PARTITIONS)
    assert msgspec.json.decode(record.value) == CLICK | {"unheard_of": [1, {"x": None}]}
    assert (response.status_code, response.json()) == (
        202,
        {
            "accepted": 1,
            "rejected": [],
            "token": f"interactions-{record.partition}@0",
            "ignored": {"0": ["unheard_of"]},
        },
    )


def test_unknown_fields_are_named_by_the_index_of_their_value(gateway: GatewayFixture) -> None:
    nested = CLICK | {"context": {"surface": "home", "devise": "tv"}}
    response = gateway.post("/v1/interactions", [CLICK, CLICK | {"itme": 1, "colour": 2}, {}, nested]).json()
    assert response["ignored"] == {"1": ["colour", "itme"], "3": ["context.devise"]}
    assert (response["accepted"], [entry["index"] for entry in response["rejected"]]) == (3, [2])
    assert gateway.post("/v1/items", {"item_id": "i1", "titel": "A teapot"}).json()["ignored"] == {"0": ["titel"]}
    assert "ignored" not in gateway.post("/v1/interactions", CLICK).json()


def test_a_missing_id_and_time_are_filled_in(gateway: GatewayFixture) -> None:
    gateway.post("/v1/interactions", {"type": "like", "user_id": "u1", "item_id": "i1"})
    (record,) = gateway.records(INTERACTIONS)
    event = decode(INTERACTIONS, record.value, now=NOW)
    assert (event.event_id, event.event_time) == ("given-0", NOW)


def test_of_a_list_invalid_values_are_named_and_the_others_stored(gateway: GatewayFixture) -> None:
    wrong = [
        CLICK | {"event_time": 12.0},
        CLICK | {"type": "teleport"},
        17,
        CLICK | {"event_id": None},
        CLICK | {"user_id": "@default"},
        CLICK | {"session_id": "x" * 950_000},
    ]
    response = gateway.post("/v1/interactions", [CLICK, *wrong, CLICK | {"user_id": "u2"}])
    assert response.status_code == 202
    assert response.json()["accepted"] == 2
    assert [(entry["index"], entry["reason"]) for entry in response.json()["rejected"]] == [
        (1, "absurd-time"),
        (2, "invalid"),
        (3, "invalid"),
        (4, "invalid"),
        (5, "invalid"),
        (6, "too-large"),
    ]
    assert sorted(value["user_id"] for value in values(gateway, INTERACTIONS)) == ["u1", "u2"]


def test_the_token_names_the_last_record_of_each_partition(gateway: GatewayFixture) -> None:
    users = [f"u{k}" for k in range(20)]
    response = gateway.post("/v1/interactions", [CLICK | {"user_id": user} for user in users])
    last = {partition: len(log) - 1 for partition, log in enumerate(gateway.log.partitions[INTERACTIONS]) if log}
    assert response.json()["token"] == ",".join(f"interactions-{p}@{offset}" for p, offset in sorted(last.items()))


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b'{"type": "click"}', 422, "invalid"),
        (b"", 422, "empty"),
        (b"{", 422, "not-json"),
        (b"\xff\xfe", 422, "not-json"),
        (b'{"user_id": "\xff"}', 422, "invalid"),
        (b"[" * 100_000, 400, "not-json"),
        (b'{"a":' * 100_000, 422, "not-json"),
        (b"[{}, {}]", 422, "invalid"),
        (b"[1, 2", 400, "not-json"),
        (b"[" + b"1," * 1_000 + b"1]", 413, "too-many"),
        (b" " * 1_200_001, 413, "request-entity-too-large"),
    ],
)
def test_an_unacceptable_body_is_refused_with_a_reason(
    gateway: GatewayFixture, body: bytes, status: int, reason: str
) -> None:
    response = gateway.post("/v1/interactions", body)
    assert (response.status_code, response.json()["reason"]) == (status, reason)
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["status"] == status
    assert gateway.records(INTERACTIONS) == []


def test_a_compressed_body_is_not_unpacked(gateway: GatewayFixture) -> None:
    bomb = gzip.compress(b"[" + b" " * 50_000_000)
    headers = {"X-API-Key": KEY, "Content-Encoding": "gzip"}
    answer = gateway.client.post("/v1/interactions", content=bomb, headers=headers)
    assert (answer.status_code, answer.json()["reason"]) == (422, "not-json")


def test_an_empty_list_is_nothing_and_accepted(gateway: GatewayFixture) -> None:
    assert gateway.post("/v1/interactions", []).json() == {"accepted": 0, "rejected": [], "token": ""}


def test_items_are_stored_and_withdrawn(gateway: GatewayFixture) -> None:
    assert (
        gateway.post("/v1/items", [{"item_id": "i1", "title": "Jaws"}, {"title": "nameless"}]).json()["accepted"] == 1
    )
    assert gateway.client.delete("/v1/items/i1", headers={"X-API-Key": KEY}).status_code == 202
    assert [(record.key, bool(record.value)) for record in gateway.records(ITEMS)] == [(b"i1", True), (b"i1", False)]


def test_instructions_are_stored(gateway: GatewayFixture) -> None:
    response = gateway.post("/v1/instructions", {"type": "ban-category", "user_id": "u1", "category": "war"})
    assert response.json()["token"] == f"instructions-{partition_of('u1', PARTITIONS)}@0"
    assert [value["category"] for value in values(gateway, INSTRUCTIONS)] == ["war"]


def test_posts_that_wait_together_are_delivered_together_and_each_gets_its_own_token(gateway: GatewayFixture) -> None:
    gateway.topics.away()
    users = [f"u{k}" for k in range(12)]
    with ThreadPoolExecutor(len(users)) as threads:
        sent = [threads.submit(gateway.post, "/v1/interactions", CLICK | {"user_id": user}) for user in users]
        _when_waiting(gateway, len(users))
        tokens = {user: answer.result().json()["token"] for user, answer in zip(users, sent, strict=True)}
    expected = {r.key.decode(): f"interactions-{r.partition}@{r.offset}" for r in gateway.records(INTERACTIONS)}
    assert tokens == expected
    assert gateway.topics.deliveries <= 2


def _when_waiting(gateway: GatewayFixture, posts: int) -> None:
    """Let the log answer once this many posts wait for it."""
    eventually(lambda: gateway.context.producer_queue.waiting == posts)
    gateway.topics.back()


def test_a_log_that_is_away_is_reported_in_time_and_nothing_is_acknowledged() -> None:
    with running(build(post_seconds=0.05)) as gateway:
        gateway.topics.away()
        response = gateway.post("/v1/interactions", CLICK)
        assert (response.status_code, response.json()["reason"]) == (503, "not-acknowledged")
        assert "same event_id" in response.json()["detail"]
        assert response.headers["Retry-After"] == "1"
        gateway.topics.back()
        assert gateway.post("/v1/interactions", CLICK).status_code == 202


def test_a_full_queue_refuses_posts_at_once() -> None:
    with running(build(post_seconds=0.01, queue_bytes=500)) as gateway:
        gateway.topics.away()
        reasons = [gateway.post("/v1/interactions", CLICK).json()["reason"] for _ in range(2)]
        assert reasons == ["not-acknowledged", "busy"]
        gateway.topics.back()
        eventually(lambda: gateway.context.producer_queue.waiting == 0)
        assert gateway.context.producer_queue.waiting == 0


def test_queued_posts_are_delivered_before_the_gateway_ends() -> None:
    gateway = build()
    gateway.context.producer_queue.start()
    assert gateway.context.producer_queue.close(1.0)
    assert not gateway.context.condition.failed


@pytest.mark.parametrize("path", ["/v1/interactions", "/v1/items", "/v1/instructions"])
def test_nothing_is_accepted_without_a_key(gateway: GatewayFixture, path: str) -> None:
    for headers in ({}, {"X-API-Key": "wrong"}, {"Authorization": f"Basic {KEY}"}, {"X-API-Key": ""}):
        response = gateway.client.post(path, json=[CLICK], headers=headers)
        assert (response.status_code, response.json()["reason"]) == (401, "unauthorized")
        assert KEY not in response.text
    assert gateway.records(INTERACTIONS) == []


def test_a_key_may_come_as_a_bearer_token(gateway: GatewayFixture) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    assert gateway.client.post("/v1/interactions", json=CLICK, headers=headers).status_code == 202


def test_a_full_backlog_refuses_interactions_and_nothing_else() -> None:
    waiting = [0]
    backlog = Backlog(lambda: waiting[0], most=3)
    with running(build(backlog=backlog)) as gateway:
        assert gateway.post("/v1/interactions", [CLICK] * 4).status_code == 202
        response = gateway.post("/v1/interactions", CLICK)
        assert (response.status_code, response.json()["reason"]) == (429, "backlog")
        assert int(response.headers["Retry-After"]) >= 1
        assert len(gateway.records(INTERACTIONS)) == 4
        assert gateway.post("/v1/items", {"item_id": "i1", "title": "A teapot"}).status_code == 202
        backlog.measure()
        assert gateway.post("/v1/interactions", CLICK).status_code == 202


def test_retry_after_is_as_long_as_the_backlog_is_likely_to_take() -> None:
    waits = iter((100, 90, 95))
    backlog = Backlog(lambda: next(waits), most=50)
    seconds = []
    for _ in range(3):
        backlog.measure()
        seconds.append(backlog.patience())
    assert seconds == [60, 4, 60]


def test_the_backlog_counts_uncommitted_events_without_deleted_ones() -> None:
    class Logs:
        def bounds(self, topics: Sequence[str]) -> dict[tuple[str, int], Bounds]:
            return {(INTERACTIONS, 0): Bounds("", 5, 20), (INTERACTIONS, 1): Bounds("", 0, 7)}

        def committed(self, group: str, topics: Sequence[str]) -> dict[tuple[str, int], int]:
            return {(INTERACTIONS, 1): 3}

    assert behind(Logs(), "group", INTERACTIONS) == 15 + 4
