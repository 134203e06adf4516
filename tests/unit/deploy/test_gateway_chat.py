"""Conversations over HTTP: they end in an item of the catalogue that the user's statements allow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from deploy.gateway.limits import MAX_CONVERSATION_LENGTH
from schemas.codec import encode
from schemas.ids import ItemId
from schemas.items import Item
from schemas.plans import Constraints
from schemas.topics import ITEMS
from tests.unit.deploy.gateway_fixtures import GatewayFixture, build, eventually, running

CHAT = "/v1/users/ann/chat"
FILMS = (
    Item(item_id=ItemId("i0"), title="Alpha", categories=("Comedy",), attributes={"runtime": 150.0}),
    Item(item_id=ItemId("i1"), title="Beta", categories=("Comedy",), attributes={"runtime": 95.0}),
    Item(item_id=ItemId("i9"), title="Gamma", categories=("Horror",), attributes={"runtime": 90.0}),
)


@pytest.fixture
def gateway() -> Iterator[GatewayFixture]:
    fixture = build()
    fixture.topics.deliver(ITEMS, [(film.item_id, encode(film)) for film in FILMS])
    with running(fixture) as started:
        started.publish("ann", 1, items=2)
        eventually(lambda: started.context.cache.list_of("ann") is not None)  # type: ignore[arg-type]
        yield started


def talk(gateway: GatewayFixture, *texts: str) -> list[Any]:
    answers: list[Any] = []
    for text in texts:
        body = {"text": text} | ({"conversation_id": answers[-1]["conversation_id"]} if answers else {})
        answer = gateway.post(CHAT, body)
        assert answer.status_code == 200, answer.text
        answers.append(answer.json())
    return answers


def test_a_conversation_ends_in_an_item_that_keeps_what_was_said(gateway: GatewayFixture) -> None:
    answers = talk(gateway, "a comedy under two hours", "Yes, perfect")
    assert answers[0]["act"] == "recommend"
    assert answers[0]["item"] == {"item_id": "i1", "title": "Beta"}
    assert answers[0]["constraints"] == ["categories: Comedy", "runtime: less than 120"]
    assert (answers[1]["act"], answers[1]["item"]["title"]) == ("done", "Beta")


def test_what_the_user_forbade_is_not_recommended(gateway: GatewayFixture) -> None:
    gateway.publish("ann", 2, items=1, constraints=Constraints(banned_items=("i1",), banned_categories=("Horror",)))
    eventually(lambda: gateway.get("/v1/recommendations/ann").json()["version"] == 2)
    (answer,) = talk(gateway, "something under two hours")
    assert (answer["act"], answer["item"]) == ("abstain", None)


def test_a_withdrawn_item_is_not_recommended(gateway: GatewayFixture) -> None:
    gateway.topics.deliver(ITEMS, [("i1", None)])
    eventually(lambda: gateway.context.cache.item("i1") is None)  # type: ignore[arg-type]
    (answer,) = talk(gateway, "a comedy under two hours")
    assert answer["act"] == "abstain"


@pytest.mark.parametrize("conversation", ["nonsense", "eJw=", "A" * 64])
def test_an_id_of_no_conversation_is_refused(gateway: GatewayFixture, conversation: str) -> None:
    answer = gateway.post(CHAT, {"text": "hello", "conversation_id": conversation})
    assert (answer.status_code, answer.json()["reason"]) == (422, "unknown-conversation")


@pytest.mark.parametrize(
    "body",
    [{}, {"text": ""}, {"text": "x" * 1_001}, {"text": "x", "conversation_id": "A" * (MAX_CONVERSATION_LENGTH + 1)}],
)
def test_a_body_out_of_bounds_is_refused(gateway: GatewayFixture, body: dict[str, str]) -> None:
    assert gateway.post(CHAT, body).status_code in (400, 422)


def test_a_conversation_takes_a_key(gateway: GatewayFixture) -> None:
    assert gateway.client.post(CHAT, json={"text": "hello"}).status_code == 401


def test_a_body_needs_no_content_type(gateway: GatewayFixture) -> None:
    headers = {"X-API-Key": "the-right-key", "Content-Type": "application/x-www-form-urlencoded"}
    answer = gateway.client.post(CHAT, content=b'{"text": "a comedy under two hours"}', headers=headers)
    assert (answer.status_code, answer.json()["act"]) == (200, "recommend")
