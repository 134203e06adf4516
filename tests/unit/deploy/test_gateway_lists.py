"""What goes out through the gateway: the newest list, one that reflects what was written, or the old one, said so."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from agents.actions.in_process_items import InProcessItems
from agents.actions.ports import IndexedItem, Similar, Vectors
from agents.memory.embedding import embed, text_of
from agents.memory.in_process_memory import InMemoryIndex
from agents.memory.operations import PreferenceSignal, SignalCause, begin
from deploy.gateway.cache import Cache
from features.memory_state import MemoryStateStore
from schemas.codec import decode, encode
from schemas.errors import StoreUnavailable
from schemas.ids import DEFAULT_USER, EventId, UserId
from schemas.topics import INTERACTIONS, ITEMS, RANK_REQUESTS, RECOMMENDATIONS
from streams.log.partitions import partition_of
from streams.log.records import Inbound
from streams.worker.in_memory_runner import InMemoryRunner
from tests.builders import item, make_deps, small_catalogue
from tests.unit.deploy.gateway_fixtures import NOW, PARTITIONS, World, build, eventually, indexed, made_list, running

LISTS = "/v1/recommendations"
MINE = f"interactions-{partition_of('u1', PARTITIONS)}"
OTHER = f"interactions-{(partition_of('u1', PARTITIONS) + 1) % PARTITIONS}"


@pytest.fixture
def world() -> Iterator[World]:
    built = build()
    built.publish(DEFAULT_USER, 3)
    built.publish("u1", 7, applied={MINE: 10})
    with running(built) as world:
        yield world


def waiting(world: World, path: str, **more: Any) -> Any:
    """A request that is under way: entered as a watcher of the list."""
    threads = ThreadPoolExecutor(1)
    told = threads.submit(world.get, path, **more)
    eventually(lambda: bool(world.context.cache.watched) or told.done())
    threads.shutdown(wait=False)
    return told


def asked(world: World) -> list[Any]:
    return [decode(RANK_REQUESTS, record.value, now=NOW) for record in world.records(RANK_REQUESTS)]


def test_a_list_is_served_as_published_cut_to_what_was_asked_for(world: World) -> None:
    told = world.get(f"{LISTS}/u1", n=2)
    made = made_list("u1", 7, applied={MINE: 10})
    assert told.status_code == 200
    assert [one["item_id"] for one in told.json()["slates"][0]["items"]] == ["i0", "i1"]
    assert told.json() | {"slates": []} == {
        "user_id": "u1",
        "version": 7,
        "slates": [],
        "event_time": made.event_time,
        "expires_at": made.expires_at,
        "applied": {MINE: 10},
        "stale": False,
        "default": False,
    }


def test_a_newer_list_takes_the_place_of_the_older(world: World) -> None:
    world.publish("u1", 8)
    eventually(lambda: world.get(f"{LISTS}/u1").json()["version"] == 8)


def test_people_never_seen_get_everybodys_list_and_no_owner_is_asked(world: World) -> None:
    told = world.get(f"{LISTS}/nobody", fresh=True)
    assert (told.json()["default"], told.json()["version"], told.json()["stale"]) == (True, 3, False)
    assert asked(world) == []


def test_without_any_list_there_is_nothing_to_serve() -> None:
    with running(build()) as world:
        told = world.get(f"{LISTS}/u1")
        assert (told.status_code, told.json()["reason"]) == (503, "no-list")


def test_after_waits_for_the_list_that_reflects_the_post(world: World) -> None:
    told = waiting(world, f"{LISTS}/u1", after=f"{MINE}@12", timeout_ms=10_000)
    world.publish("u1", 8, applied={MINE: 11})
    world.publish("u1", 9, applied={MINE: 12})
    assert told.result().json()["version"] == 9
    assert told.result().json()["stale"] is False


def test_after_concerns_the_partition_of_the_person_alone(world: World) -> None:
    told = world.get(f"{LISTS}/u1", after=f"{OTHER}@99999,items-0@5,{MINE}@10", timeout_ms=0)
    assert told.status_code == 400
    told = world.get(f"{LISTS}/u1", after=f"{OTHER}@99999,{MINE}@10", timeout_ms=0)
    assert (told.json()["version"], told.json()["stale"]) == (7, False)


def test_a_list_that_does_not_come_in_time_is_replaced_by_the_old_one_marked_stale(world: World) -> None:
    told = world.get(f"{LISTS}/u1", after=f"{MINE}@11", timeout_ms=20)
    assert (told.status_code, told.json()["version"], told.json()["stale"]) == (200, 7, True)
    assert told.headers["X-Lifelong-Stale"] == "1"


def test_the_owner_is_asked_for_a_list_that_an_event_did_not_bring(world: World) -> None:
    told = waiting(world, f"{LISTS}/u1", after=f"{MINE}@11", timeout_ms=200)
    eventually(lambda: [one.user_id for one in asked(world)] == ["u1"])
    world.publish("u1", 8, applied={MINE: 11})
    assert told.result().json()["version"] == 8


def test_fresh_asks_the_owner_and_waits_for_the_answer(world: World) -> None:
    told = waiting(world, f"{LISTS}/u1", fresh=True, surface="cart", timeout_ms=10_000)
    eventually(lambda: bool(asked(world)))
    (request,) = asked(world)
    assert (request.user_id, request.context.surface, request.surfaces) == ("u1", "cart", ("cart",))
    (record,) = world.records(RANK_REQUESTS)
    assert record.key == b"u1"
    world.publish("u1", 8, surface="cart")
    assert (told.result().json()["version"], told.result().json()["slates"][0]["surface"]) == (8, "cart")


def test_an_expired_list_is_asked_for_once_and_served_stale_until_the_answer(world: World) -> None:
    world.now = NOW + 4_000
    for _ in range(3):
        told = world.get(f"{LISTS}/u1", timeout_ms=30)
        assert (told.json()["version"], told.json()["stale"]) == (7, True)
    assert len(asked(world)) == 1
    world.publish("u1", 8, expires_at=NOW + 9_000)
    eventually(lambda: world.get(f"{LISTS}/u1").json()["stale"] is False)


def test_lists_are_served_while_kafka_is_away(world: World) -> None:
    world.topics.away()
    assert world.get(f"{LISTS}/u1").json()["stale"] is False
    assert world.get(f"{LISTS}/u1", fresh=True, timeout_ms=20).json()["stale"] is True
    assert world.client.get("/health/ready").status_code == 200
    world.topics.back()


def test_the_entity_tag_is_the_version(world: World) -> None:
    told = world.get(f"{LISTS}/u1")
    assert told.headers["ETag"] == 'W/"7"'
    for known in ('W/"7"', '"7"', '"1", W/"7"', "*"):
        again = world.get(f"{LISTS}/u1", headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", 'W/"7"')
    assert world.get(f"{LISTS}/u1", headers={"If-None-Match": '"6"'}).status_code == 200
    assert world.get(f"{LISTS}/nobody").headers["ETag"] == 'W/"default-3"'


@pytest.mark.parametrize(
    "wrong",
    [{"n": 0}, {"n": "x"}, {"timeout_ms": -1}, {"after": "x"}, {"after": "interactions-a@1"}, {"after": "items-1@2"}],
)
def test_what_is_asked_wrongly_is_refused_with_a_reason(world: World, wrong: dict[str, Any]) -> None:
    told = world.get(f"{LISTS}/u1", **wrong)
    assert told.status_code == 400
    assert told.json()["reason"] in {"bad-request", "bad-token"}
    assert next(iter(wrong)) in told.json()["detail"]


@pytest.mark.parametrize("wrong", [b"{}", b"\xff", encode(made_list("somebody-else", 9))])
def test_a_list_that_is_none_is_passed_over_and_the_last_good_one_is_served(world: World, wrong: bytes) -> None:
    world.topics.deliver(RECOMMENDATIONS, [("u1", wrong), ("u2", encode(made_list("u2", 1)))])
    eventually(lambda: world.get(f"{LISTS}/u2").json()["default"] is False)
    assert world.get(f"{LISTS}/u1").json()["version"] == 7


def test_a_person_whose_list_had_to_go_is_asked_for() -> None:
    built = build(list_bytes=1_500)
    built.publish(DEFAULT_USER, 3)
    built.publish("u1", 7)
    with running(built) as world:
        world.publish("u2", 1)
        eventually(lambda: not world.context.cache.complete)
        told = waiting(world, f"{LISTS}/u1", timeout_ms=10_000)
        eventually(lambda: [one.user_id for one in asked(world)] == ["u1"])
        world.publish("u1", 8)
        assert told.result().json()["version"] == 8


def test_users_never_seen_get_the_list_of_their_locale_or_what_it_falls_back_to(world: World) -> None:
    world.publish("@default:de", 4)
    eventually(lambda: world.get(f"{LISTS}/nobody", locale="de").json()["version"] == 4)
    versions = {
        locale: world.get(f"{LISTS}/nobody", locale=locale).json()["version"] for locale in ("de_AT", "DE", "fr", "")
    }
    assert versions == {"de_AT": 4, "DE": 4, "fr": 3, "": 3}
    assert world.get(f"{LISTS}/nobody", locale="de").json()["default"]
    assert asked(world) == []


def test_an_owner_is_asked_for_the_locale_of_the_request(world: World) -> None:
    world.get(f"{LISTS}/u1", locale="fr", fresh="true", timeout_ms=1)
    eventually(lambda: [request.context.locale for request in asked(world)] == ["fr"])


def test_a_cache_of_nothing_but_default_lists_lets_none_go() -> None:
    cache = Cache(list_bytes=1)
    for offset, user in enumerate(("@default", "@default:de", "u1", "@default:fr")):
        value = encode(made_list(user, offset))
        record = Inbound(
            topic=RECOMMENDATIONS, partition=0, offset=offset, key=user.encode(), value=value, timestamp=0.0
        )
        cache.take([record])
    held = [user for user in ("@default", "@default:de", "@default:fr", "u1") if cache.list_of(UserId(user))]
    assert held == ["@default", "@default:de", "@default:fr"]


def test_the_cache_keeps_to_its_bytes_and_keeps_everybodys_list() -> None:
    cache = Cache(list_bytes=20_000)
    users = [DEFAULT_USER, *(f"u{k}" for k in range(100))]
    for offset, user in enumerate(users):
        value = encode(made_list(user, offset))
        record = Inbound(
            topic=RECOMMENDATIONS, partition=0, offset=offset, key=user.encode(), value=value, timestamp=0.0
        )
        cache.take([record])
    held = [user for user in users if cache.list_of(UserId(user))]
    assert held == [DEFAULT_USER, *users[-len(held) + 1 :]]
    assert 10 < len(held) < 40


class Away(InProcessItems):
    """An index that does not answer."""

    def similar(self, vector: Vectors, k: int, **more: Any) -> tuple[Similar, ...]:
        raise StoreUnavailable("Milvus at 'nowhere' failed")


def test_similar_items_are_those_of_the_catalogue_with_their_titles() -> None:
    films = [item("jaws", "thriller"), item("alien", "thriller"), item("heidi", "family"), item("gone", "thriller")]
    built = build(items=indexed(*films))
    built.topics.deliver(ITEMS, [(film.item_id, encode(film)) for film in films[:3]])
    with running(built) as world:
        told = world.get("/v1/items/jaws/similar", n=3).json()
        assert told["item_id"] == "jaws"
        assert [(one["item_id"], one["title"]) for one in told["items"]] == [("alien", "Alien"), ("heidi", "Heidi")]
        unknown = world.get("/v1/items/psycho/similar")
        assert (unknown.status_code, unknown.json()["reason"]) == (404, "unknown-item")


def test_items_alike_by_choices_are_those_that_draw_the_same_people() -> None:
    films = [item(name, "thriller") for name in ("jaws", "alien", "heidi")]
    factors = InProcessItems()
    factors.put([IndexedItem(film.item_id) for film in films], np.array([[1, 0], [0, 1], [0.8, 0.6]], np.float32))
    built = build(factors=factors)
    built.topics.deliver(ITEMS, [(film.item_id, encode(film)) for film in films])
    with running(built) as world:
        told = world.get("/v1/items/jaws/similar", by="choices", n=1).json()
        assert [(one["item_id"], one["likeness"]) for one in told["items"]] == [("heidi", 0.8)]
        assert world.get("/v1/items/jaws/similar", by="magic").status_code == 400


@pytest.mark.parametrize("index", [Away(), None])
def test_an_index_that_is_away_is_said_so(index: InProcessItems | None) -> None:
    built = build(items=index)
    built.topics.deliver(ITEMS, [("jaws", encode(item("jaws", "thriller")))])
    with running(built) as world:
        told = world.get("/v1/items/jaws/similar")
        assert (told.status_code, told.json()["reason"]) == (503, "store-unavailable")


def test_memories_are_found_by_words() -> None:
    index, user = InMemoryIndex(), UserId("u1")
    cause = SignalCause(user, EventId("e1"), 0.0, 0.0)
    memories = [begin(PreferenceSignal("category", "likes", value, 1.0), cause) for value in ("jazz", "opera")]
    index.put(memories, embed([text_of(memory) for memory in memories]))
    with running(build(memories=index)) as world:
        told = world.get("/v1/users/u1/memories", q="jazz").json()
        assert [one["value"] for one in told["memories"]] == ["jazz", "opera"]
        assert world.get("/v1/users/u2/memories").json()["memories"] == []


def test_what_was_posted_is_what_is_read(world: World) -> None:
    token = world.post("/v1/interactions", {"type": "click", "user_id": "u1", "item_id": "i1"}).json()["token"]
    (record,) = world.records(INTERACTIONS)
    told = waiting(world, f"{LISTS}/u1", after=token, timeout_ms=10_000)
    world.publish("u1", 8, applied={f"interactions-{record.partition}": record.offset + 11})
    assert told.result().json()["stale"] is False


def test_a_click_changes_the_next_list() -> None:
    built = build()
    runner = InMemoryRunner(make_deps(), MemoryStateStore(), built.log)
    small_catalogue(runner)
    with running(built) as world:
        click = {"type": "click", "user_id": "u1", "item_id": "war-0"}
        tokens = [world.post("/v1/interactions", click).json()["token"] for _ in range(2)]
        runner.run()
        told = world.get(f"{LISTS}/u1", after=",".join(tokens), timeout_ms=5_000).json()
        assert (told["stale"], told["default"], told["trigger_event_ids"]) == (False, False, ["given-1"])
        assert told["slates"][0]["items"]
        world.post("/v1/instructions", {"type": "ban-category", "user_id": "u1", "category": "war"})
        duplicate = world.post("/v1/interactions", click | {"event_id": "given-1"}).json()["token"]
        told = waiting(world, f"{LISTS}/u1", after=duplicate, timeout_ms=5_000)
        runner.run()
        eventually(lambda: bool(asked(world)) or told.done())
        runner.run()
        assert told.result().json()["stale"] is False
        assert not [one for one in told.result().json()["slates"][0]["items"] if one["item_id"].startswith("war")]


def test_a_surface_that_the_list_does_not_have_is_told_with_those_that_it_has(world: World) -> None:
    world.publish("ann", 1)
    eventually(lambda: world.context.cache.list_of(UserId("ann")) is not None)
    told = world.get("/v1/recommendations/ann", surface="cart").json()
    assert [slate.get("surface", "home") for slate in told["slates"]] == ["home"]
    assert "no slate of surface 'cart'" in told["notice"]
    assert "['home']" in told["notice"]
    assert "notice" not in world.get("/v1/recommendations/ann").json()
