"""`lifelong search`, `popular`, `trending` and `items` against a gateway that listens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.cli.app import make_app
from features.statistics import fold_delta
from schemas.codec import encode
from schemas.ids import ItemId
from schemas.statistics import ItemDelta
from schemas.topics import ITEM_STATISTICS, ITEMS
from tests.pictures import circles, encoded
from tests.unit.deploy.gateway_fixtures import KEY, NOW, eventually
from tests.unit.deploy.served_gateway import served
from tests.unit.deploy.test_gateway_search import GOODS


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with served() as serving:
        gateway = serving.gateway
        gateway.topics.deliver(ITEMS, [(item.item_id, encode(item)) for item in GOODS])
        chosen = ItemDelta(item_id=ItemId("i3"), source="s", offset=0, event_time=NOW - 60.0, weight=1.0)
        gateway.topics.deliver(ITEM_STATISTICS, [("i3", encode(fold_delta(None, chosen)))])
        table = gateway.context.search.feed.index.table
        eventually(lambda: len(table) == len(GOODS) and table.version == 1)
        yield serving.port


@pytest.fixture
def run(port: int, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("LIFELONG_GATEWAY__PORT", str(port))
    monkeypatch.setenv("LIFELONG_GATEWAY__API_KEYS", json.dumps([KEY]))
    return lambda *words: CliRunner().invoke(make_app(), list(words))


def test_words_with_a_wrong_letter_find_items(run: Any) -> None:
    shown = run("search", "cooper", "pot", "--filter", "price > 1")
    assert shown.exit_code == 0, shown.output
    assert "Copper pot" in shown.output
    assert json.loads(run("search", "copper", "--json").stdout)["items"][0]["price"] == 40.0


def test_what_was_chosen_is_popular_and_trending(run: Any) -> None:
    for command in ("popular", "trending"):
        assert [entry["item_id"] for entry in json.loads(run(command, "--json").stdout)["items"]] == ["i3"], command
    assert run("popular", "--category", "Pots").exit_code == 1


def test_an_item_is_shown(run: Any) -> None:
    shown = run("items", "show", "i0")
    assert "title: Red teapot" in shown.output
    assert "available: True" in shown.output
    assert json.loads(run("items", "show", "i0", "--json").stdout)["facts"] == {"price": 20.0}


def test_what_the_gateway_refuses_ends_the_command(run: Any, tmp_path: Path) -> None:
    picture = tmp_path / "red.png"
    picture.write_bytes(encoded(circles((200, 20, 20), seed=1)))
    for words in (
        ("items", "show", "none"),
        ("search", "hat", "--filter", "price <"),
        ("search", "--image", str(picture)),
    ):
        assert run(*words).exit_code == 1, words
    assert run("search").exit_code == 2


def test_searches_of_a_catalogue_are_evaluated(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("item_id,title,text\n" + "".join(f"i{k},Thing number{k},says word{k}\n" for k in range(20)))
    words = ["evaluate", "search", str(path), "--encoder", "hashed-words", "--queries", "5", "--json"]
    results = json.loads(CliRunner().invoke(make_app(), words).stdout)["results"]
    assert {(one["kind"], one["mode"]) for one in results} >= {("words", "both"), ("typos", "words")}
    assert results[0]["recall"] == 1.0
