"""The gateway serves the newest list, one that reflects a write, or an older one marked stale."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from agents.actions.in_process_items import InProcessItems
from agents.actions.ports import IndexedItem, Similar, Vectors
from deploy.gateway.served.cache import Cache
from features.memory_state import MemoryStateStore
from schemas.codec import decode, encode
from schemas.errors import StoreUnavailable
from schemas.ids import DEFAULT_USER, UserId
from schemas.plans import Constraints, Limit
from schemas.topics import INTERACTIONS, ITEMS, RANK_REQUESTS, RECOMMENDATIONS
from streams.log.partitions import partition_of
from streams.log.records import Inbound
from streams.worker.in_memory_runner import InMemoryRunner
from tests.builders import item, make_deps, small_catalogue
from tests.unit.deploy.gateway_fixtures import (
    NOW,
    PARTITIONS,
    GatewayFixture,
    build,
    eventually,
    indexed,
    list_of,
    running,
)

LISTS = "/v1/recommendations"
MINE = f"interactions-{partition_of('u1', PARTITIONS)}"
OTHER = f"interactions-{(partition_of('u1', PARTITIONS) + 1) % PARTITIONS}"


@pytest.fixture
def gateway() -> Iterator[GatewayFixture]:
    built = build()
    built.publish(DEFAULT_USER, 3)
    built.publish("u1", 7, applied={MINE: 10})
    with running(built) as gateway:
        yield gateway


def waiting(gateway: GatewayFixture, path: str, **more: Any) -> Any:
    """Return the future of a request once it waits for the list."""
    threads = ThreadPoolExecutor(1)
    pending = threads.submit(gateway.get, path, **more)
    eventually(lambda: bool(gateway.context.cache._watchers) or pending.done())
    threads.shutdown(wait=False)
    return pending


def rank_requests(gateway: GatewayFixture) -> list[Any]:
    return [decode(RANK_REQUESTS, record.value, now=NOW) for record in gateway.records(RANK_REQUESTS)]


def test_a_list_is_served_as_published_cut_to_the_requested_length(gateway: GatewayFixture) -> None:
    response = gateway.get(f"{LISTS}/u1", n=2)
    recommendation = list_of("u1", 7, applied={MINE: 10})
    assert response.status_code == 200
    assert [entry["item_id"] for entry in response.json()["slates"][0]["items"]] == ["i0", "i1"]
    assert response.json() | {"slates": []} == {
        "user_id": "u1",
        "version": 7,
        "slates": [],
        "event_time": recommendation.event_time,
        "expires_at": recommendation.expires_at,
        "applied": {MINE: 10},
        "stale": False,
        "default": False,
    }


def test_a_newer_list_replaces_the_older(gateway: GatewayFixture) -> None:
    gateway.publish("u1", 8)
    eventually(lambda: gateway.get(f"{LISTS}/u1").json()["version"] == 8)


def test_unknown_users_get_the_non_personalised_list_without_a_rank_request(gateway: GatewayFixture) -> None:
    response = gateway.get(f"{LISTS}/nobody", fresh=True)
    assert (response.json()["default"], response.json()["version"], response.json()["stale"]) == (True, 3, False)
    assert rank_requests(gateway) == []


def test_without_any_list_there_is_nothing_to_serve() -> None:
    with running(build()) as gateway:
        response = gateway.get(f"{LISTS}/u1")
        assert (response.status_code, response.json()["reason"]) == (503, "no-list")


def test_after_waits_for_the_list_that_reflects_the_post(gateway: GatewayFixture) -> None:
    pending = waiting(gateway, f"{LISTS}/u1", after=f"{MINE}@12", timeout_ms=10_000)
    gateway.publish("u1", 8, applied={MINE: 11})
    gateway.publish("u1", 9, applied={MINE: 12})
    assert pending.result().json()["version"] == 9
    assert pending.result().json()["stale"] is False


def test_after_concerns_the_partition_of_the_user_alone(gateway: GatewayFixture) -> None:
    response = gateway.get(f"{LISTS}/u1", after=f"{OTHER}@99999,items-0@5,{MINE}@10", timeout_ms=0)
    assert response.status_code == 400
    response = gateway.get(f"{LISTS}/u1", after=f"{OTHER}@99999,{MINE}@10", timeout_ms=0)
    assert (response.json()["version"], response.json()["stale"]) == (7, False)


def test_after_a_timeout_the_older_list_is_served_marked_stale(gateway: GatewayFixture) -> None:
    response = gateway.get(f"{LISTS}/u1", after=f"{MINE}@11", timeout_ms=20)
    assert (response.status_code, response.json()["version"], response.json()["stale"]) == (200, 7, True)
    assert response.headers["X-Lifelong-Stale"] == "1"


def test_a_rank_request_asks_for_a_list_that_an_event_did_not_cause(gateway: GatewayFixture) -> None:
    pending = waiting(gateway, f"{LISTS}/u1", after=f"{MINE}@11", timeout_ms=200)
    eventually(lambda: [request.user_id for request in rank_requests(gateway)] == ["u1"])
    gateway.publish("u1", 8, applied={MINE: 11})
    assert pending.result().json()["version"] == 8


def test_fresh_sends_a_rank_request_and_waits_for_the_list(gateway: GatewayFixture) -> None:
    pending = waiting(gateway, f"{LISTS}/u1", fresh=True, surface="cart", timeout_ms=10_000)
    eventually(lambda: bool(rank_requests(gateway)))
    (request,) = rank_requests(gateway)
    assert (request.user_id, request.context.surface, request.surfaces) == ("u1", "cart", ("cart",))
    (record,) = gateway.records(RANK_REQUESTS)
    assert record.key == b"u1"
    gateway.publish("u1", 8, surface="cart")
    assert (pending.result().json()["version"], pending.result().json()["slates"][0]["surface"]) == (8, "cart")


def test_an_expired_list_is_requested_once_and_served_stale_until_the_answer(gateway: GatewayFixture) -> None:
    gateway.now = NOW + 4_000
    for _ in range(3):
        response = gateway.get(f"{LISTS}/u1", timeout_ms=30)
        assert (response.json()["version"], response.json()["stale"]) == (7, True)
    assert len(rank_requests(gateway)) == 1
    gateway.publish("u1", 8, expires_at=NOW + 9_000)
    eventually(lambda: gateway.get(f"{LISTS}/u1").json()["stale"] is False)


def test_lists_are_served_while_kafka_is_away(gateway: GatewayFixture) -> None:
    gateway.topics.away()
    assert gateway.get(f"{LISTS}/u1").json()["stale"] is False
    assert gateway.get(f"{LISTS}/u1", fresh=True, timeout_ms=20).json()["stale"] is True
    assert gateway.client.get("/health/ready").status_code == 200
    gateway.topics.back()


def test_the_entity_tag_is_the_version(gateway: GatewayFixture) -> None:
    response = gateway.get(f"{LISTS}/u1")
    assert response.headers["ETag"] == 'W/"7"'
    for recent in ('W/"7"', '"7"', '"1", W/"7"', "*"):
        copy = gateway.get(f"{LISTS}/u1", headers={"If-None-Match": recent})
        assert (copy.status_code, copy.content, copy.headers["ETag"]) == (304, b"", 'W/"7"')
    assert gateway.get(f"{LISTS}/u1", headers={"If-None-Match": '"6"'}).status_code == 200
    assert gateway.get(f"{LISTS}/nobody").headers["ETag"] == 'W/"default-3"'


@pytest.mark.parametrize(
    "wrong",
    [{"n": 0}, {"n": "x"}, {"timeout_ms": -1}, {"after": "x"}, {"after": "interactions-a@1"}, {"after": "items-1@2"}],
)
def test_what_is_asked_wrongly_is_refused_with_a_reason(gateway: GatewayFixture, wrong: dict[str, Any]) -> None:
    response = gateway.get(f"{LISTS}/u1", **wrong)
    assert response.status_code == 400
    assert response.json()["reason"] in {"bad-request", "bad-token"}
    assert next(iter(wrong)) in response.json()["detail"]


@pytest.mark.parametrize("wrong", [b"{}", b"\xff", encode(list_of("somebody-else", 9))])
def test_a_list_that_is_none_is_passed_over_and_the_last_good_one_is_served(
    gateway: GatewayFixture, wrong: bytes
) -> None:
    gateway.topics.deliver(RECOMMENDATIONS, [("u1", wrong), ("u2", encode(list_of("u2", 1)))])
    eventually(lambda: gateway.get(f"{LISTS}/u2").json()["default"] is False)
    assert gateway.get(f"{LISTS}/u1").json()["version"] == 7


def test_a_person_whose_list_had_to_go_is_asked_for() -> None:
    built = build(list_bytes=1_500)
    built.publish(DEFAULT_USER, 3)
    built.publish("u1", 7)
    with running(built) as gateway:
        gateway.publish("u2", 1)
        eventually(lambda: not gateway.context.cache.complete)
        pending = waiting(gateway, f"{LISTS}/u1", timeout_ms=10_000)
        eventually(lambda: [request.user_id for request in rank_requests(gateway)] == ["u1"])
        gateway.publish("u1", 8)
        assert pending.result().json()["version"] == 8


def test_the_cache_stays_within_its_bytes_and_keeps_the_non_personalised_list() -> None:
    cache = Cache(list_bytes=20_000)
    users = [DEFAULT_USER, *(f"u{k}" for k in range(100))]
    for offset, user in enumerate(users):
        value = encode(list_of(user, offset))
        record = Inbound(
            topic=RECOMMENDATIONS, partition=0, offset=offset, key=user.encode(), value=value, timestamp=0.0
        )
        cache.take([record])
    cached = [user for user in users if cache.list_of(UserId(user))]
    assert cached == [DEFAULT_USER, *users[-len(cached) + 1 :]]
    assert 10 < len(cached) < 40


class Away(InProcessItems):
    """An index that does not answer."""

    def similar(self, vector: Vectors, k: int, **more: Any) -> tuple[Similar, ...]:
        raise StoreUnavailable("Milvus at 'nowhere' failed")


def test_similar_items_are_those_of_the_catalogue_with_their_titles() -> None:
    films = [item("jaws", "thriller"), item("alien", "thriller"), item("heidi", "family"), item("gone", "thriller")]
    built = build(items=indexed(*films))
    built.topics.deliver(ITEMS, [(film.item_id, encode(film)) for film in films[:3]])
    with running(built) as gateway:
        response = gateway.get("/v1/items/jaws/similar", n=3).json()
        assert response["item_id"] == "jaws"
        assert [(entry["item_id"], entry["title"]) for entry in response["items"]] == [
            ("alien", "Alien"),
            ("heidi", "Heidi"),
        ]
        unknown = gateway.get("/v1/items/psycho/similar")
        assert (unknown.status_code, unknown.json()["reason"]) == (404, "unknown-item")


def test_similar_items_for_a_user_are_those_that_their_statements_allow() -> None:
    films = [item("jaws", "thriller"), item("alien", "thriller", price=9.0), item("heidi", "family", price=2.0)]
    films += [item("cheap", "thriller", price=1.0), item("gone", "thriller")]
    built = build(items=indexed(*films))
    built.topics.deliver(ITEMS, [(film.item_id, encode(film)) for film in films])
    stated = Constraints(only_categories=("Thriller",), limits=(Limit(fact="price", at_most=5.0),))
    built.publish("ann", 1, constraints=stated)
    with running(built) as gateway:

        def similar_for(**more: str) -> list[str]:
            return [entry["item_id"] for entry in gateway.get("/v1/items/jaws/similar", **more).json()["items"]]

        assert similar_for(user="ann") == ["cheap"]
        assert set(similar_for(user="bob")) == set(similar_for()) == {"alien", "heidi", "cheap", "gone"}


def test_a_user_who_stated_something_gets_no_list_that_was_made_without_it() -> None:
    built = build()
    over = item("i0", "thriller", available_until=1.0)
    built.topics.deliver(ITEMS, [("i0", encode(over))])
    built.publish(DEFAULT_USER, 1)
    stated = {"ann": Constraints(banned_categories=("war",)), "bob": Constraints()}
    for user, constraints in stated.items():
        built.publish(user, 1, items=1, constraints=constraints)
    with running(built) as gateway:
        served = {user: gateway.get(f"{LISTS}/{user}", timeout_ms=0).json() for user in stated}
    assert (served["ann"]["default"], served["ann"]["slates"][0]["items"]) == (False, [])
    assert served["bob"]["default"]


def test_items_alike_by_choices_are_those_that_draw_the_same_people() -> None:
    films = [item(name, "thriller") for name in ("jaws", "alien", "heidi")]
    factors = InProcessItems()
    factors.put([IndexedItem(film.item_id) for film in films], np.array([[1, 0], [0, 1], [0.8, 0.6]], np.float32))
    built = build(factors=factors)
    built.topics.deliver(ITEMS, [(film.item_id, encode(film)) for film in films])
    with running(built) as gateway:
        response = gateway.get("/v1/items/jaws/similar", by="choices", n=1).json()
        assert [(entry["item_id"], entry["likeness"]) for entry in response["items"]] == [("heidi", 0.8)]
        assert gateway.get("/v1/items/jaws/similar", by="magic").status_code == 400


@pytest.mark.parametrize("index", [Away(), None])
def test_an_index_that_is_away_is_reported(index: InProcessItems | None) -> None:
    built = build(items=index)
    built.topics.deliver(ITEMS, [("jaws", encode(item("jaws", "thriller")))])
    with running(built) as gateway:
        response = gateway.get("/v1/items/jaws/similar")
        assert (response.status_code, response.json()["reason"]) == (503, "store-unavailable")


def test_what_was_posted_is_what_is_read(gateway: GatewayFixture) -> None:
    token = gateway.post("/v1/interactions", {"type": "click", "user_id": "u1", "item_id": "i1"}).json()["token"]
    (record,) = gateway.records(INTERACTIONS)
    pending = waiting(gateway, f"{LISTS}/u1", after=token, timeout_ms=10_000)
    gateway.publish("u1", 8, applied={f"interactions-{record.partition}": record.offset + 11})
    assert pending.result().json()["stale"] is False


def test_a_click_changes_the_next_list() -> None:
    built = build()
    runner = InMemoryRunner(make_deps(), MemoryStateStore(), built.log)
    small_catalogue(runner)
    with running(built) as gateway:
        click = {"type": "click", "user_id": "u1", "item_id": "war-0"}
        tokens = [gateway.post("/v1/interactions", click).json()["token"] for _ in range(2)]
        runner.run()
        response = gateway.get(f"{LISTS}/u1", after=",".join(tokens), timeout_ms=5_000).json()
        assert (response["stale"], response["default"], response["trigger_event_ids"]) == (False, False, ["given-1"])
        assert response["slates"][0]["items"]
        gateway.post("/v1/instructions", {"type": "ban-category", "user_id": "u1", "category": "war"})
        duplicate = gateway.post("/v1/interactions", click | {"event_id": "given-1"}).json()["token"]
        pending = waiting(gateway, f"{LISTS}/u1", after=duplicate, timeout_ms=5_000)
        runner.run()
        eventually(lambda: bool(rank_requests(gateway)) or pending.done())
        runner.run()
        assert pending.result().json()["stale"] is False
        assert not [
            entry for entry in pending.result().json()["slates"][0]["items"] if entry["item_id"].startswith("war")
        ]


def test_a_notice_names_a_missing_surface_and_those_that_the_list_has(gateway: GatewayFixture) -> None:
    gateway.publish("ann", 1)
    eventually(lambda: gateway.context.cache.list_of(UserId("ann")) is not None)
    response = gateway.get("/v1/recommendations/ann", surface="cart").json()
    assert [slate.get("surface", "home") for slate in response["slates"]] == ["home"]
    assert "no slate of surface 'cart'" in response["notice"]
    assert "['home']" in response["notice"]
    assert "notice" not in gateway.get("/v1/recommendations/ann").json()


def test_unknown_users_get_the_list_of_their_locale_or_what_it_falls_back_to(gateway: GatewayFixture) -> None:
    gateway.publish("@default:de", 4, locale="de")
    eventually(lambda: gateway.get(f"{LISTS}/nobody", locale="de").json()["version"] == 4)
    answers = {locale: gateway.get(f"{LISTS}/nobody", locale=locale).json() for locale in ("de_AT", "DE", "fr", "")}
    assert {locale: answer["version"] for locale, answer in answers.items()} == {"de_AT": 4, "DE": 4, "fr": 3, "": 3}
    assert all(answer["default"] for answer in answers.values())
    assert "not for locale 'fr'" in answers["fr"]["notice"]


def test_the_expired_list_of_a_locale_gives_way_to_the_list_for_all(gateway: GatewayFixture) -> None:
    gateway.publish("@default:de", 4, locale="de", expires_at=NOW - 1.0, stages={"received": NOW})
    gateway.publish("@default:fr", 5, locale="fr")
    eventually(lambda: gateway.get(f"{LISTS}/nobody", locale="fr").json()["version"] == 5)
    assert gateway.get(f"{LISTS}/nobody", locale="de").json()["version"] == 3
    assert gateway.context.cache.lag == 0.0, "the list for all alone tells how far the stream is behind"


def test_a_list_of_another_locale_is_ranked_anew(gateway: GatewayFixture) -> None:
    answer = gateway.get(f"{LISTS}/u1", locale="fr", timeout_ms=1).json()
    assert (answer["stale"], "not for locale 'fr'" in answer["notice"]) == (True, True)
    gateway.get(f"{LISTS}/u1", locale="it", timeout_ms=1)
    eventually(lambda: len(gateway.records(RANK_REQUESTS)) == 2)
    requests = [decode(RANK_REQUESTS, record.value, now=NOW) for record in gateway.records(RANK_REQUESTS)]
    assert [request.context.locale for request in requests] == ["fr", "it"]
    gateway.publish("u1", 8, locale="fr")
    eventually(lambda: not gateway.get(f"{LISTS}/u1", locale="fr", timeout_ms=1).json()["stale"])
    assert len(gateway.records(RANK_REQUESTS)) == 2


def test_two_that_ask_for_another_locale_at_once_wait_for_the_same_list(gateway: GatewayFixture) -> None:
    first = waiting(gateway, f"{LISTS}/u1", locale="fr", timeout_ms=5_000)
    eventually(lambda: len(gateway.records(RANK_REQUESTS)) == 1)
    second = waiting(gateway, f"{LISTS}/u1", locale="FR", timeout_ms=5_000)
    eventually(lambda: len(gateway.context.cache._watchers.get("u1", ())) == 2)
    gateway.publish("u1", 8, locale="fr")
    answers = [pending.result().json() for pending in (first, second)]
    assert [(answer["version"], answer["stale"]) for answer in answers] == [(8, False)] * 2
    assert len(gateway.records(RANK_REQUESTS)) == 1


def test_a_locale_with_control_characters_is_refused(gateway: GatewayFixture) -> None:
    assert gateway.get(f"{LISTS}/u1", locale="de\n").status_code == 400
    assert gateway.get(f"{LISTS}/u1", surface="home\n").status_code == 400


def test_a_cache_of_nothing_but_default_lists_evicts_none() -> None:
    cache = Cache(list_bytes=1)
    for offset, user in enumerate(("@default", "@default:de", "u1", "@default:fr")):
        value = encode(list_of(user, offset))
        record = Inbound(
            topic=RECOMMENDATIONS, partition=0, offset=offset, key=user.encode(), value=value, timestamp=0.0
        )
        cache.take([record])
    cached = [user for user in ("@default", "@default:de", "@default:fr", "u1") if cache.list_of(UserId(user))]
    assert cached == ["@default", "@default:de", "@default:fr"]
