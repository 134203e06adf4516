"""Ids mean the same over HTTP as in messages, or are refused; unavailable items are not shown."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.gateway.ids import SLASH, item_id, read_whole_ids
from deploy.gateway.problems import Problem
from schemas.codec import encode
from schemas.ids import DEFAULT_USER
from schemas.items import Item
from schemas.topics import ITEMS, RECOMMENDATIONS
from tests.unit.deploy.gateway_fixtures import NOW, GatewayFixture, build, eventually, list_of, running

LISTS = "/v1/recommendations"


@pytest.fixture
def gateway() -> Iterator[GatewayFixture]:
    built = build()
    built.publish(DEFAULT_USER, 1)
    with running(built) as gateway:
        yield gateway


def is_an_id(text: str) -> bool:
    return bool(text.strip()) and text not in (".", "..")


@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=256).filter(is_an_id))
def test_every_id_survives_a_path(name: str) -> None:
    scope = {"type": "http", "raw_path": f"/v1/items/{quote(name, safe='')}/similar".encode(), "path": ""}
    read_whole_ids(scope)
    parts = scope["path"].split("/")
    assert len(parts) == 5
    assert item_id(parts[3]) == name


@given(st.binary(min_size=1, max_size=20))
def test_a_path_part_is_one_id_or_none(raw: bytes) -> None:
    escaped = "".join(f"%{byte:02X}" for byte in raw).encode()
    scope = {"type": "http", "raw_path": b"/v1/items/" + escaped, "path": ""}
    read_whole_ids(scope)
    part = scope["path"].removeprefix("/v1/items/")
    assert "/" not in part
    try:
        named = item_id(part)
    except Problem:
        return
    assert named.encode() == raw


def test_a_slash_in_an_id_names_its_own_user(gateway: GatewayFixture) -> None:
    gateway.topics.deliver(RECOMMENDATIONS, [(user, encode(list_of(user, 1))) for user in ("b1", "b1/", "a/b", " x")])
    eventually(lambda: all(not gateway.get(f"{LISTS}/{quote(u, safe='')}").json()["default"] for u in ("b1", " x")))
    for user in ("b1", "b1/", "a/b", " x"):
        answer = gateway.get(f"{LISTS}/{quote(user, safe='')}").json()
        assert (answer["user_id"], answer["default"]) == (user, False)


def test_withdrawing_an_item_withdraws_no_other(gateway: GatewayFixture) -> None:
    assert gateway.client.delete("/v1/items/keep%2F", headers={"X-API-Key": "the-right-key"}).status_code == 202
    assert [record.key for record in gateway.records(ITEMS)] == [b"keep/"]


@pytest.mark.parametrize(
    "name", ["%2E", "%2e%2e", "%00", "a%0Ab", "%1F", "%FF", "%20%20", "x" * 257, "@default", "@default%3Ade"]
)
def test_an_invalid_id_is_refused(gateway: GatewayFixture, name: str) -> None:
    answer = gateway.get(f"{LISTS}/{name}")
    assert answer.status_code == 422
    assert SLASH not in answer.text


def test_withdrawn_and_ended_items_are_in_no_list(gateway: GatewayFixture) -> None:
    gateway.topics.deliver(RECOMMENDATIONS, [(user, encode(list_of(user, 1))) for user in ("u1", "@default")])
    ended = Item(item_id="i1", available_until=NOW - 1.0)
    early = Item(item_id="i2", available_from=NOW + 3_600.0)
    within = Item(item_id="i3", available_from=NOW - 1.0, available_until=NOW + 1.0)
    gateway.topics.deliver(ITEMS, [(item.item_id, encode(item)) for item in (ended, early, within)] + [("i4", None)])

    def shown(user: str) -> list[str]:
        return [item["item_id"] for item in gateway.get(f"{LISTS}/{user}").json()["slates"][0]["items"]]

    eventually(lambda: shown("u1") == ["i0", "i3"])
    assert shown("nobody") == ["i0", "i3"]
    gateway.topics.deliver(ITEMS, [("i4", encode(Item(item_id="i4")))])
    eventually(lambda: shown("u1") == ["i0", "i3", "i4"])


def test_a_user_whose_items_are_all_unavailable_gets_the_non_personalised_list(gateway: GatewayFixture) -> None:
    gateway.topics.deliver(RECOMMENDATIONS, [("u1", encode(list_of("u1", 1, items=1)))])
    eventually(lambda: gateway.get(f"{LISTS}/u1").json()["default"] is False)
    gateway.topics.deliver(ITEMS, [("i0", None)])
    eventually(lambda: gateway.get(f"{LISTS}/u1").json()["default"] is True)
    answer = gateway.get(f"{LISTS}/u1").json()
    assert [item["item_id"] for item in answer["slates"][0]["items"]] == ["i1", "i2", "i3", "i4"]
