"""What comes in through the gateway: checked, stored, acknowledged, in that order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from deploy.gateway.backlog import Backlog, behind
from schemas.codec import decode
from schemas.topics import INSTRUCTIONS, INTERACTIONS, ITEMS
from streams.log.partitions import partition_of
from streams.state.positions import Bounds
from tests.unit.deploy.gateway_fixtures import KEY, NOW, PARTITIONS, World, build, eventually, running

CLICK = {"type": "click", "event_id": "e1", "user_id": "u1", "event_time": 1.7e9, "item_id": "i1"}


@pytest.fixture
def world() -> Iterator[World]:
    with running(build(post_seconds=2.0, body_bytes=1_200_000)) as world:
        yield world


def values(world: World, topic: str) -> list[Any]:
    return [msgspec.json.decode(record.value) for record in world.records(topic)]


def test_an_event_is_stored_as_it_came_under_its_person_before_it_is_acknowledged(world: World) -> None:
    told = world.post("/v1/interactions", CLICK | {"unheard_of": [1, {"x": None}]})
    (record,) = world.records(INTERACTIONS)
    assert record.key == b"u1"
    assert record.partition == partition_of("u1", PARTITIONS)
    assert msgspec.json.decode(record.value) == CLICK | {"unheard_of": [1, {"x": None}]}
    assert (told.status_code, told.json()) == (
        202,
        {
            "accepted": 1,
            "rejected": [],
            "token": f"interactions-{record.partition}@0",
            "ignored": {"0": ["unheard_of"]},
        },
    )


def test_fields_that_nobody_knows_are_named_by_the_place_of_their_value(world: World) -> None:
    nested = CLICK | {"context": {"surface": "home", "devise": "tv"}}
    told = world.post("/v1/interactions", [CLICK, CLICK | {"itme": 1, "colour": 2}, {}, nested]).json()
    assert told["ignored"] == {"1": ["colour", "itme"], "3": ["context.devise"]}
    assert (told["accepted"], [one["index"] for one in told["rejected"]]) == (3, [2])
    assert world.post("/v1/items", {"item_id": "i1", "titel": "A teapot"}).json()["ignored"] == {"0": ["titel"]}
    assert "ignored" not in world.post("/v1/interactions", CLICK).json()


def test_an_event_without_id_and_time_is_given_them(world: World) -> None:
    world.post("/v1/interactions", {"type": "like", "user_id": "u1", "item_id": "i1"})
    (record,) = world.records(INTERACTIONS)
    event = decode(INTERACTIONS, record.value, now=NOW)
    assert (event.event_id, event.event_time) == ("given-0", NOW)


def test_of_many_those_that_are_wrong_are_named_and_the_others_stored(world: World) -> None:
    wrong = [
        CLICK | {"event_time": 12.0},
        CLICK | {"type": "teleport"},
        17,
        CLICK | {"event_id": None},
        CLICK | {"user_id": "@default"},
        CLICK | {"session_id": "x" * 950_000},
    ]
    told = world.post("/v1/interactions", [CLICK, *wrong, CLICK | {"user_id": "u2"}])
    assert told.status_code == 202
    assert told.json()["accepted"] == 2
    assert [(one["index"], one["reason"]) for one in told.json()["rejected"]] == [
        (1, "absurd-time"),
        (2, "invalid"),
        (3, "invalid"),
        (4, "invalid"),
        (5, "invalid"),
        (6, "too-large"),
    ]
    assert sorted(value["user_id"] for value in values(world, INTERACTIONS)) == ["u1", "u2"]


def test_the_token_names_the_last_record_of_each_partition(world: World) -> None:
    people = [f"u{k}" for k in range(20)]
    told = world.post("/v1/interactions", [CLICK | {"user_id": user} for user in people])
    last = {partition: len(log) - 1 for partition, log in enumerate(world.log.partitions[INTERACTIONS]) if log}
    assert told.json()["token"] == ",".join(f"interactions-{p}@{offset}" for p, offset in sorted(last.items()))


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
def test_what_cannot_be_taken_is_refused_with_a_reason(world: World, body: bytes, status: int, reason: str) -> None:
    told = world.post("/v1/interactions", body)
    assert (told.status_code, told.json()["reason"]) == (status, reason)
    assert told.headers["Content-Type"] == "application/problem+json"
    assert told.json()["status"] == status
    assert world.records(INTERACTIONS) == []


def test_an_empty_list_is_nothing_and_accepted(world: World) -> None:
    assert world.post("/v1/interactions", []).json() == {"accepted": 0, "rejected": [], "token": ""}


def test_items_are_stored_and_withdrawn(world: World) -> None:
    assert world.post("/v1/items", [{"item_id": "i1", "title": "Jaws"}, {"title": "nameless"}]).json()["accepted"] == 1
    assert world.client.delete("/v1/items/i1", headers={"X-API-Key": KEY}).status_code == 202
    assert [(record.key, bool(record.value)) for record in world.records(ITEMS)] == [(b"i1", True), (b"i1", False)]


def test_instructions_are_stored(world: World) -> None:
    told = world.post("/v1/instructions", {"type": "ban-category", "user_id": "u1", "category": "war"})
    assert told.json()["token"] == f"instructions-{partition_of('u1', PARTITIONS)}@0"
    assert [value["category"] for value in values(world, INSTRUCTIONS)] == ["war"]


def test_posts_that_wait_together_are_delivered_together_and_each_gets_its_own_token(world: World) -> None:
    world.topics.away()
    people = [f"u{k}" for k in range(12)]
    with ThreadPoolExecutor(len(people)) as threads:
        sent = [threads.submit(world.post, "/v1/interactions", CLICK | {"user_id": user}) for user in people]
        _when_waiting(world, len(people))
        tokens = {user: answer.result().json()["token"] for user, answer in zip(people, sent, strict=True)}
    places = {r.key.decode(): f"interactions-{r.partition}@{r.offset}" for r in world.records(INTERACTIONS)}
    assert tokens == places
    assert world.topics.deliveries <= 2


def _when_waiting(world: World, posts: int) -> None:
    """Let the log answer once so many posts wait for it."""
    eventually(lambda: world.context.producer_queue.waiting == posts)
    world.topics.back()


def test_a_log_that_is_away_is_said_so_in_time_and_nothing_is_acknowledged() -> None:
    with running(build(post_seconds=0.05)) as world:
        world.topics.away()
        told = world.post("/v1/interactions", CLICK)
        assert (told.status_code, told.json()["reason"]) == (503, "not-acknowledged")
        assert "same event_id" in told.json()["detail"]
        assert told.headers["Retry-After"] == "1"
        world.topics.back()
        assert world.post("/v1/interactions", CLICK).status_code == 202


def test_too_much_waiting_is_turned_away_at_once() -> None:
    with running(build(post_seconds=0.01, outbox_bytes=500)) as world:
        world.topics.away()
        reasons = [world.post("/v1/interactions", CLICK).json()["reason"] for _ in range(2)]
        assert reasons == ["not-acknowledged", "busy"]
        world.topics.back()
        eventually(lambda: world.context.producer_queue.waiting == 0)
        assert world.context.producer_queue.waiting == 0


def test_what_was_posted_is_delivered_before_the_gateway_ends() -> None:
    world = build()
    world.context.producer_queue.start()
    assert world.context.producer_queue.close(1.0)
    assert not world.context.condition.failed


@pytest.mark.parametrize("path", ["/v1/interactions", "/v1/items", "/v1/instructions"])
def test_nothing_is_taken_without_a_key(world: World, path: str) -> None:
    for headers in ({}, {"X-API-Key": "wrong"}, {"Authorization": f"Basic {KEY}"}, {"X-API-Key": ""}):
        told = world.client.post(path, json=[CLICK], headers=headers)
        assert (told.status_code, told.json()["reason"]) == (401, "unauthorized")
        assert KEY not in told.text
    assert world.records(INTERACTIONS) == []


def test_a_key_may_come_as_a_bearer_token(world: World) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    assert world.client.post("/v1/interactions", json=CLICK, headers=headers).status_code == 202


def test_while_too_many_events_wait_for_workers_more_are_turned_away_and_lists_are_not() -> None:
    waiting = [0]
    backlog = Backlog(lambda: waiting[0], most=3)
    with running(build(backlog=backlog)) as world:
        assert world.post("/v1/interactions", [CLICK] * 4).status_code == 202
        told = world.post("/v1/interactions", CLICK)
        assert (told.status_code, told.json()["reason"]) == (429, "backlog")
        assert int(told.headers["Retry-After"]) >= 1
        assert len(world.records(INTERACTIONS)) == 4
        assert world.post("/v1/items", {"item_id": "i1", "title": "A teapot"}).status_code == 202
        backlog.measure()
        assert world.post("/v1/interactions", CLICK).status_code == 202


def test_a_sender_is_told_to_wait_as_long_as_the_backlog_is_likely_to_take() -> None:
    waits = iter((100, 90, 95))
    backlog = Backlog(lambda: next(waits), most=50)
    told = []
    for _ in range(3):
        backlog.measure()
        told.append(backlog.patience())
    assert told == [60, 4, 60]


def test_what_workers_have_not_committed_waits_and_what_is_deleted_does_not() -> None:
    class Logs:
        def bounds(self, topics: Sequence[str]) -> dict[tuple[str, int], Bounds]:
            return {(INTERACTIONS, 0): Bounds("", 5, 20), (INTERACTIONS, 1): Bounds("", 0, 7)}

        def committed(self, group: str, topics: Sequence[str]) -> dict[tuple[str, int], int]:
            return {(INTERACTIONS, 1): 3}

    assert behind(Logs(), "group", INTERACTIONS) == 15 + 4
