"""Items are found over HTTP by words, picture and popularity, and lists are narrowed, within a user's statements."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from agents.actions.service import KnownOutside
from deploy.agent_tools.gateway_service import GatewayKnowledge, GatewayReader
from deploy.gateway.handlers.outside_knowledge import bounded_response
from deploy.gateway.limits import MAX_OUTSIDE_DOCUMENTS, MAX_OUTSIDE_FACTS, MAX_OUTSIDE_TEXT, MAX_WAITING_SEARCHES
from deploy.gateway.search.encoders import QueryEncoders
from features.memory_state import MemoryStateStore
from features.outside_knowledge import Beliefs, BelievedFact, LostFact, SourcedDocument, SourcedFact
from features.statistics import fold_delta
from inference.encoders.colour_layout import ColourLayout
from inference.encoders.hashed_words import HashedWords
from inference.encoders.ports import tag_of
from schemas.codec import encode
from schemas.ids import DEFAULT_USER, ItemId, UserId
from schemas.item_perceptions import Embedding, ItemPerception
from schemas.items import Item
from schemas.plans import Constraints
from schemas.signals import ExternalSignal, OutsideDocument, OutsideFact
from schemas.statistics import ItemDelta
from schemas.topics import EXTERNAL_SIGNALS, ITEM_PERCEPTIONS, ITEM_STATISTICS, ITEMS
from tests.pictures import circles, data_uri, encoded, stripes
from tests.unit.deploy.access_fixtures import Shop, opened
from tests.unit.deploy.gateway_fixtures import KEY, NOW, GatewayFixture, build, eventually, indexed, running

GOODS = (
    Item(item_id=ItemId("i0"), title="Red teapot", categories=("Pots",), price=20.0, images=("https://shop/i0.jpg",)),
    Item(item_id=ItemId("i1"), title="Blue teapot", categories=("Pots",), price=30.0),
    Item(item_id=ItemId("i2"), title="Red hat", categories=("Hats",), price=15.0, images=("data:,x", "file:///x")),
    Item(item_id=ItemId("i3"), title="Straw hat", categories=("Hats",), price=5.0),
    Item(item_id=ItemId("i8"), title="Copper pot", categories=("Pots",), price=40.0),
    Item(item_id=ItemId("i9"), title="Iron pot", categories=("Pots",), price=8.0, available_until=NOW - 10.0),
)
LIST = "/v1/recommendations/ann"
RED, BLUE = (200, 20, 20), (20, 20, 200)


def filled(**more: Any) -> Iterator[GatewayFixture]:
    fixture = build(**more)
    fixture.topics.deliver(ITEMS, [(item.item_id, encode(item)) for item in GOODS])
    fixture.publish(DEFAULT_USER, 1, items=2)
    fixture.publish("ann", 1, items=3)
    with running(fixture) as gateway:
        eventually(lambda: gateway.context.search.feed.caught_up)
        yield gateway


@pytest.fixture
def gateway() -> Iterator[GatewayFixture]:
    yield from filled(items=indexed(*GOODS), store=MemoryStateStore())


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [entry["item_id"] for entry in answer.json()["items"]]


def listed(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [entry["item_id"] for entry in answer.json()["slates"][0]["items"]]


def test_words_find_items_with_wrong_letters_too(gateway: GatewayFixture) -> None:
    answer = gateway.get("/v1/search", q="tepot", n=1)
    assert ids(answer)[0] in {"i0", "i1"}
    body = answer.json()
    assert (body["by"], body["total"], body["shortened"]) == (["words"], 2, False)
    assert gateway.get("/v1/search", q="copper").json()["shortened"] is True
    assert ids(gateway.get("/v1/search", q="red hat"))[0] == "i2"


def test_fields_are_shown_on_request(gateway: GatewayFixture) -> None:
    entry = gateway.get("/v1/search", q="red teapot", **{"with": "title,images,price"}).json()["items"][0]
    assert {name: entry[name] for name in ("title", "images", "price")} == {
        "title": "Red teapot",
        "images": ["https://shop/i0.jpg"],
        "price": 20.0,
    }
    listed_entries = gateway.get(LIST, **{"with": "title, images"}).json()["slates"][0]["items"]
    assert [entry["title"] for entry in listed_entries] == ["Red teapot", "Blue teapot", "Red hat"]
    assert listed_entries[2]["images"] == []
    assert gateway.get(LIST, **{"with": "secrets"}).json()["reason"] == "unknown-detail"


def test_an_item_is_read_back(gateway: GatewayFixture) -> None:
    body = gateway.get("/v1/items/i2").json()
    assert body == {
        "item": {"item_id": "i2", "title": "Red hat", "categories": ["Hats"], "price": 15.0, "images": ["data:,x"]},
        "available": True,
        "facts": {"price": 15.0},
    }
    assert gateway.get("/v1/items/i9").json()["available"] is False
    assert gateway.get("/v1/items/none").json()["reason"] == "unknown-item"


def test_a_users_statements_hold_in_searches(gateway: GatewayFixture) -> None:
    gateway.publish("ann", 2, items=3, constraints=Constraints(banned_items=("i0",), banned_categories=("Hats",)))
    eventually(lambda: gateway.get(LIST).json()["version"] == 2)
    assert ids(gateway.get("/v1/search", q="red teapot hat", user="ann")) == ["i1"]
    assert "i0" in ids(gateway.get("/v1/search", q="red teapot hat", user="bob"))
    assert set(ids(gateway.get("/v1/items/i1/similar", user="ann"))) <= {"i8"}


def test_a_fault_in_a_filter_is_pointed_at(gateway: GatewayFixture) -> None:
    for path in ("/v1/search?q=x", "/v1/popular?x=1", LIST + "?x=1", "/v1/items/i1/similar?x=1"):
        answer = gateway.client.get(f"{path}&filter=price<<3", headers={"X-API-Key": KEY})
        assert (answer.status_code, answer.json()["reason"], answer.json()["position"]) == (400, "bad-filter", 7), path
    answer = gateway.get("/v1/search", q="x", boost="price:3^0")
    assert (answer.json()["detail"], answer.json()["position"]) == (
        "boost, character 9: '0' is no factor above 0, at most 100",
        9,
    )


def test_a_filtered_list_is_filled_from_the_catalogue_and_says_so(gateway: GatewayFixture) -> None:
    body = gateway.get(LIST, filter="categories:Pots", n=3).json()
    entries = body["slates"][0]["items"]
    assert [entry["item_id"] for entry in entries] == ["i0", "i1", "i8"]
    assert [entry["source"] for entry in entries] == ["popular", "popular", "catalogue"]
    assert (body["filled"], body.get("shortened", False)) == (1, False)
    assert body["slates"][0]["list_id"] == "ann-1-narrowed"
    assert gateway.get(LIST, filter="categories:Pots", n=9).json()["shortened"] is True
    assert gateway.get(LIST, filter="categories:Pots and price > 100").json()["slates"][0].get("items", []) == []
    assert "ETag" not in gateway.get(LIST, filter="categories:Pots").headers


def test_boosts_order_a_list_anew_and_pins_stay_first(gateway: GatewayFixture) -> None:
    assert listed(gateway.get(LIST, boost="categories:Hats^10", n=3))[0] == "i2"
    gateway.publish("ann", 2, items=3, constraints=Constraints(pinned_items=("i0",)))
    eventually(lambda: gateway.get(LIST).json()["version"] == 2)
    assert listed(gateway.get(LIST, boost="categories:Hats^10", n=3))[:2] == ["i0", "i2"]


def test_without_the_state_store_a_narrowed_list_says_what_it_does_not_know() -> None:
    for gateway in filled():
        body = gateway.get(LIST, filter="categories:Pots").json()
        assert "not known" in body["notice"]
        assert gateway.get("/v1/recommendations/nobody", filter="categories:Pots").json().get("notice", "") == ""


def test_similar_items_take_filters_and_boosts(gateway: GatewayFixture) -> None:
    assert set(ids(gateway.get("/v1/items/i0/similar", filter="price < 20"))) <= {"i2", "i3"}
    boosted = gateway.get("/v1/items/i0/similar", boost="item_id:i8^100", **{"with": "price"}).json()["items"][0]
    assert (boosted["item_id"], boosted["price"]) == ("i8", 40.0)


def test_popular_and_trending_by_window_and_category(gateway: GatewayFixture) -> None:
    for item, at in (("i1", NOW - 600.0), ("i3", NOW - 60.0)):
        delta = ItemDelta(item_id=ItemId(item), source="s", offset=0, event_time=at, weight=1.0)
        gateway.topics.deliver(ITEM_STATISTICS, [(item, encode(fold_delta(None, delta)))])
    eventually(lambda: ids(gateway.get("/v1/popular", window="hour")) == ["i3", "i1"])
    assert ids(gateway.get("/v1/popular", category="pots")) == ["i1"]
    assert ids(gateway.get("/v1/trending", window="hour", n=1)) == ["i3"]
    assert gateway.get("/v1/popular", window="century").status_code == 400


def test_without_perception_a_picture_is_refused_plainly(gateway: GatewayFixture) -> None:
    answer = gateway.post("/v1/search/image", encoded(circles(RED, seed=1)))
    assert (answer.status_code, answer.json()["reason"]) == (501, "perception-disabled")
    answer = gateway.get("/v1/items/i0/similar", by="picture")
    assert (answer.status_code, answer.json()["reason"]) == (404, "no-picture")


def test_what_sources_outside_say_is_read_back_and_searched(gateway: GatewayFixture) -> None:
    about = {"scope": "item", "subject": "i1", "recorded_at": 0.0}
    facts = (OutsideFact(attribute="maker", value="Ada"),)
    studio = ExternalSignal(
        **about, source="studio", trust=0.9, facts=facts, documents=(OutsideDocument(text="Hand-thrown."),)
    )
    fans = ExternalSignal(**about, source="fans", trust=0.1, facts=(OutsideFact(attribute="maker", value="Bob"),))
    for signal in (studio, fans):
        gateway.topics.deliver(EXTERNAL_SIGNALS, [(f"item/{signal.source}/i1", encode(signal))])
    eventually(lambda: ids(gateway.get("/v1/search", q="thrown")) == ["i1"])
    answer = gateway.get("/v1/signals/item/i1").json()
    assert answer["facts"] == [{"attribute": "maker", "value": "Ada", "trust": 0.9, "sources": ["studio"]}]
    assert [document["text"] for document in answer["documents"]] == ["Hand-thrown."]
    assert [lost["why"] for lost in answer["lost"]] == ["studio is trusted more"]
    assert gateway.get("/v1/signals/place/DE").json()["facts"] == []
    assert gateway.get("/v1/signals/planet/DE").json()["reason"] == "unknown-kind"


def test_agents_read_an_answer_with_facts_that_lost() -> None:
    lost = LostFact(SourcedFact("maker", "Bob", "fans", 0.1, 0.0, -inf, inf), "studio is trusted more")
    beliefs = Beliefs((BelievedFact("maker", "Ada", 0.9, ("studio",)),), (lost,))
    content = msgspec.json.encode(bounded_response("item", "i1", NOW, beliefs))

    async def bearer() -> str:
        return "token"

    async def known() -> KnownOutside:
        transport = httpx.MockTransport(lambda request: httpx.Response(200, content=content))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            return await GatewayKnowledge(GatewayReader(client, UserId("ann"), bearer)).known("item", "i1")

    assert [fact.value for fact in asyncio.run(known()).statements] == ["Ada"]


def test_an_answer_about_outside_knowledge_is_bounded() -> None:
    facts = tuple(BelievedFact(f"a{number}", "x", 0.5, ("press",)) for number in range(MAX_OUTSIDE_FACTS + 3))
    documents = tuple(SourcedDocument("", "x" * 50_000, "press", 0.5) for _ in range(MAX_OUTSIDE_DOCUMENTS + 2))
    answer = bounded_response("item", "i1", NOW, Beliefs(facts=facts, documents=documents))
    assert (answer.facts, len(answer.documents), answer.left_out) == (facts[:-3], MAX_OUTSIDE_DOCUMENTS, 5)
    assert {len(document.text) for document in answer.documents} == {MAX_OUTSIDE_TEXT}


@pytest.fixture
def seeing() -> Iterator[GatewayFixture]:
    encoders = QueryEncoders(text=HashedWords, image=ColourLayout, byte_limit=100_000, pixel_limit=100_000)
    yield from filled(encoders=encoders)


def perceive(gateway: GatewayFixture) -> None:
    """Two red pictures and a blue one, and the words of a hat."""
    image, text = ColourLayout(), HashedWords()
    drawn = {"i0": circles(RED, seed=1), "i2": circles(RED, seed=2), "i1": stripes(BLUE, seed=1)}
    for item, picture in drawn.items():
        seen = image.encode([picture])[0].astype("<f2").tobytes()
        meant = text.encode(["sombrero" if item == "i2" else item])[0].astype("<f2").tobytes()
        perception = ItemPerception(
            item_id=ItemId(item),
            content="",
            image=Embedding(encoder=tag_of(image.name, image.version), vector=seen),
            text=Embedding(encoder=tag_of(text.name, text.version), vector=meant),
        )
        gateway.topics.deliver(ITEM_PERCEPTIONS, [(item, encode(perception))])
    eventually(lambda: len(gateway.get("/v1/items/i0/similar", by="picture").json().get("items", [])) > 0)


def test_a_picture_finds_items_that_look_like_it(seeing: GatewayFixture) -> None:
    perceive(seeing)
    shown = encoded(circles(RED, seed=3), "JPEG")
    for body in (shown, data_uri(shown, "image/jpeg").encode()):
        assert set(ids(seeing.post("/v1/search/image?n=2", body))) == {"i0", "i2"}
    assert ids(seeing.get("/v1/items/i0/similar", by="picture"))[0] == "i2"
    assert ids(seeing.get("/v1/search", q="sombrero")) == ["i2"]
    assert seeing.get("/v1/search", q="sombrero").json()["by"] == ["words", "meaning"]


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", 422, "no-picture"),
        (b"no picture", 422, "no-picture"),
        (b"data:image/png,", 422, "no-picture"),
        (b"data:image/png;base64,!", 422, "no-picture"),
        ("data:ä".encode(), 422, "no-picture"),
        (b"x" * 100_001, 413, "too-large"),
        (encoded(circles(RED, seed=1, side=400)), 413, "too-many-pixels"),
        (encoded(circles(RED, seed=1))[:200], 422, "broken"),
        (b"http://127.0.0.1/secret.png", 422, "no-picture"),
        (b"file:///etc/passwd", 422, "no-picture"),
    ],
)
def test_what_is_no_usable_picture_is_refused(seeing: GatewayFixture, body: bytes, status: int, reason: str) -> None:
    answer = seeing.post("/v1/search/image", body)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)


def test_searches_wait_in_a_bounded_line(gateway: GatewayFixture) -> None:
    gateway.context.search._waiting = MAX_WAITING_SEARCHES
    answer = gateway.get("/v1/search", q="x")
    assert (answer.status_code, answer.json()["reason"], answer.headers["Retry-After"]) == (503, "busy", "1")


def test_until_the_catalogue_is_read_there_are_lists_and_no_searches(gateway: GatewayFixture) -> None:
    gateway.context.search.feed.caught_up = False
    assert gateway.get("/v1/search", q="x").json()["reason"] == "catching-up"
    assert gateway.get(LIST).status_code == 200
    assert gateway.client.get("/health/ready").status_code == 200


def test_pages_of_named_origins_may_read_answers() -> None:
    for gateway in filled(cors_origins=("https://shop.example.com",)):
        answers = {
            origin: gateway.client.options(
                "/v1/search", headers={"Origin": origin, "Access-Control-Request-Method": "GET"}
            )
            for origin in ("https://shop.example.com", "https://other.example.com")
        }
        allowed = {origin: answer.headers.get("Access-Control-Allow-Origin") for origin, answer in answers.items()}
        assert allowed == {"https://shop.example.com": "https://shop.example.com", "https://other.example.com": None}
        read = gateway.get("/v1/search", q="hat", headers={"Origin": "https://shop.example.com"})
        assert read.headers["Access-Control-Allow-Origin"] == "https://shop.example.com"
        refused = gateway.client.get("/v1/search?q=hat", headers={"Origin": "https://shop.example.com"})
        assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (
            401,
            "https://shop.example.com",
        )


def test_without_origins_no_page_of_another_origin_reads_anything(gateway: GatewayFixture) -> None:
    answer = gateway.get("/v1/search", q="hat", headers={"Origin": "https://shop.example.com"})
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    yield from opened(tmp_path)


def test_a_token_searches_within_what_its_user_allows_and_for_nobody_else(shop: Shop) -> None:
    gateway, token = shop.gateway, shop.token_for(shop.key("tokens"), "ann")["token"]
    for number, category in enumerate(("War", "Comedy")):
        film = Item(item_id=ItemId(f"i{number}"), title=f"A film {number}", categories=(category,))
        gateway.topics.deliver(ITEMS, [(film.item_id, encode(film))])
    gateway.publish("ann", 1, constraints=Constraints(banned_categories=("War",)))
    headers = {"Authorization": f"Bearer {token}"}

    def found() -> list[str]:
        body = gateway.client.get("/v1/search?q=film", headers=headers).json()
        return [entry["item_id"] for entry in body.get("items", ())]

    eventually(lambda: found() == ["i1"])
    assert shop.as_user(token, "GET", "/v1/search?q=film&user=bob") == (403, "other-user")
