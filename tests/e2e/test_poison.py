"""No record stops anything: each attack leaves a dead letter with its reason, 0 restarts, and lists for all others."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from msgspec.structs import replace

from deploy.clients import make_memory_index
from deploy.embedded.stack import Stack
from deploy.settings import load_settings
from deploy.wiring import weights_path
from inference.finite_scores import SCORES_NOT_FINITE
from inference.learning.weights_file import Weights, read_weights, write_weights
from schemas.codec import encode
from schemas.topics import INTERACTIONS, ITEMS, MEMORIES, MODEL_UPDATES
from tests.builders import memory
from tests.conftest import unheard
from tests.e2e.live import Live, items_of
from tests.e2e.poison import AT, GOOD, longest_memory, poison_table, poisoned
from tests.e2e.system import wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow]
POISON = poison_table()
BIG = 5_000_000
MB_FOR_UNKNOWN_ITEMS = 10.0
"""Of a round of 20,000 items: with a row of their own in the worker's table they would take 45 MB."""
ROUNDS = 6
"""What full batches, full histories and read-ahead of the same people cost comes in the first rounds."""


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A whole stack with forty items, and twelve people who have chosen among them."""
    data_dir = tmp_path_factory.mktemp("poisoned")
    stack = Stack(load_settings(with_endpoints=False).model_copy(update={"data_dir": data_dir}))
    stack.up(unheard, programs=True)
    client = Live(stack)
    client.post("items", [thing(f"i{n}", ("Horror", "Drama", "Comedy", "SF")[n % 4]) for n in range(40)])
    clicks = [
        {
            "type": "click",
            "user_id": f"b{u}",
            "item_id": f"i{(u * 3 + k * 5) % 40}",
            "event_time": time.time() - 600 + k,
        }
        for u in range(12)
        for k in range(6)
    ]
    client.post("interactions", clicks)
    wait_until(lambda: "b11" in client.newest_lists(), seconds=30, what="lists for all")
    yield client
    client.close()
    stack.down()
    shutil.rmtree(data_dir)


@pytest.fixture(autouse=True)
def nothing_ends(live: Live) -> Iterator[None]:
    """No process ends by itself in any of these tests, and whoever was never seen is served after each."""
    yield
    live.serves_others()
    assert live.restarts() == {}


def thing(name: str, *categories: str, **more: object) -> dict[str, object]:
    return {"item_id": name, "title": f"Thing {name}", "categories": categories, "available_from": 0} | more


@pytest.mark.parametrize("name", POISON)
def test_poison_becomes_a_dead_letter_with_its_reason(live: Live, name: str) -> None:
    topic, key, value, reason = POISON[name]
    assert live.letter(live.produce(topic, key, value)).reason == reason


def test_after_the_poison_what_is_stored_is_what_the_log_says(live: Live) -> None:
    wait_until(lambda: differing(live) == 0, seconds=60, what="0 states differ from the log")


def differing(live: Live) -> int:
    """How many states a rebuild would change."""
    command = [sys.executable, "-m", "deploy.cli", "rebuild", "--check", "--json"]
    given = os.environ | {"LIFELONG_DATA_DIR": str(live.settings.data_dir)}
    done = subprocess.run(command, env=given, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout, done.stderr
    return int(json.loads(done.stdout)["differing"])


@pytest.mark.parametrize("topic", GOOD)
def test_a_record_that_is_large_once_it_is_unpacked_becomes_a_letter_that_fits(live: Live, topic: str) -> None:
    _, key, value = poisoned(topic, pad="a" * BIG)
    letter = live.letter(live.produce_compressed(topic, key, value))
    assert (letter.reason, letter.truncated, letter.size) == ("too-large", True, len(value))


@pytest.mark.parametrize("topic", GOOD)
def test_a_header_name_that_is_not_utf8_stops_nobody(live: Live, topic: str) -> None:
    live.produce_header(topic, GOOD[topic][0], poisoned(topic)[2])


def test_a_record_with_a_header_name_that_is_not_utf8_is_used(live: Live) -> None:
    now = {"user_id": "odd", "event_time": time.time()}
    live.produce_header(INTERACTIONS, "odd", poisoned(INTERACTIONS, **now)[2])
    live.produce_header(ITEMS, "odd-item", json.dumps(thing("odd-item", "Drama")).encode())
    wait_until(lambda: not live.get("odd")["default"], seconds=10, what="a list of their own")
    wait_until(lambda: similar(live, "odd-item") == 200, seconds=10, what="the item is in the catalogue")


def test_http_refuses_what_cannot_be_counted_with(live: Live) -> None:
    click = {"type": "click", "user_id": "ann", "item_id": "i1"}
    wrong = [
        {"type": "rating", "user_id": "ann", "item_id": "i1", "value": 1.7e308},
        click | {"user_id": "@default"},
        click | {"session_id": "x" * 890_000},
        click | {"context": {"device": "x" * 890_000}},
        click | {"context": {"surface": "x" * 890_000}},
        click | {"event_time": 1e308},
    ]
    for event in wrong:
        assert live.post("interactions", event, status=422)["reason"] in {"invalid", "absurd-time"}


def test_nobody_makes_the_list_of_strangers_but_its_owner(live: Live) -> None:
    before = live.get("stranger")["version"]
    for category in ("Horror", "Drama", "Comedy"):
        value = {"type": "ban-category", "user_id": "@default", "category": category, "event_id": category}
        place = live.produce("instructions", "@default", json.dumps(value | {"event_time": time.time()}).encode())
        assert live.letter(place).reason == "invalid"
    after = live.get("stranger", n=50)
    assert after["version"] >= before
    assert len({f"i{n}" for n in range(1, 40, 4)} & set(items_of(after))) > 0


def similar(live: Live, item: str) -> int:
    return live.http.get(f"/v1/items/{quote(item, safe='')}/similar", params={"n": 1}).status_code


@pytest.mark.parametrize("name", ["keep/", "a/b", "/", "a b", "a%2Fb", "../i1", "ä?#"])
def test_an_id_in_an_address_is_the_one_that_it_names(live: Live, name: str) -> None:
    live.post("items", [thing("keep", "Drama"), thing(name, "Drama"), thing("a", "Drama"), thing("b", "Drama")])
    wait_until(lambda: similar(live, name) == 200, seconds=10, what=f"{name!r} is in the catalogue")
    live.click(f"b1{name}", "i1")
    assert live.get(f"b1{name}")["user_id"] == f"b1{name}"
    assert live.get("b1")["user_id"] == "b1"
    assert live.get(f"b2{name}")["default"]
    assert live.http.delete(f"/v1/items/{quote(name, safe='')}").status_code == 202
    wait_until(lambda: similar(live, name) == 404, seconds=10, what=f"{name!r} is withdrawn")
    assert [similar(live, other) for other in ("keep", "a", "b", "i1")] == [200] * 4


def test_withdrawn_ended_and_embargoed_items_are_in_no_list_though_no_event_comes(live: Live) -> None:
    """Whatever the ranker has learned: what it shows everybody is withdrawn, and ends."""
    shown = lambda user: set(items_of(live.get(user, n=50)))  # noqa: E731
    now, readers = time.time(), ("r-own", "nobody-yet")
    live.click("r-own", "i0")
    gone, short = items_of(live.get("nobody-yet", n=50))[:2]
    ended, embargoed = {"available_until": now + 12}, {"available_from": now + 36_000}
    live.post("items", [thing(short, "K", **ended), thing("k-later", "K", **embargoed)])
    assert short in shown("nobody-yet")
    assert live.http.delete(f"/v1/items/{quote(gone, safe='')}").status_code == 202
    wait_until(lambda: not any(gone in shown(user) for user in readers), seconds=5, what="withdrawn")
    time.sleep(max(0.0, now + 12.1 - time.time()))
    assert not any(short in shown(user) for user in readers)
    own = lambda: {one.item_id for one in live.newest_lists()["@default"].home.items}  # noqa: E731
    wait_until(lambda: not {gone, short} & own(), seconds=15, what="the published default list has neither")
    live.click("ahead", "i0", event_time=now + 20 * 3_600)
    live.click("r-own", "i2")
    assert not any({"k-later", short} & shown(user) for user in (*readers, "ahead"))
    live.post("items", [thing(gone, "K"), thing(short, "K")])


def test_a_tombstone_under_another_key_withdraws_nothing_and_says_so(live: Live) -> None:
    item = json.dumps(thing("jk", "Drama")).encode()
    assert live.letter(live.produce(ITEMS, b'"jk"', item)).reason == "wrong-key"
    live.produce(ITEMS, "jk", item)
    wait_until(lambda: similar(live, "jk") == 200, seconds=10, what="the item under its own key")
    live.produce(ITEMS, "jk", None)
    wait_until(lambda: similar(live, "jk") == 404, seconds=10, what="the item is withdrawn")


def test_a_memory_that_milvus_does_not_take_is_set_aside_and_those_behind_it_are_projected(live: Live) -> None:
    long = longest_memory()
    place = live.produce(MEMORIES, f"{long.user_id}/{long.memory_id}", encode(long))
    behind = memory("behind", "Drama", valid_from=AT, recorded_from=AT)
    live.produce(MEMORIES, f"behind/{behind.memory_id}", encode(behind), partition=place[1])
    index = make_memory_index(live.settings)
    wait_until(lambda: index.count(behind.user_id) == 1, seconds=30, what="the memory behind it")
    held = index.count(long.user_id)
    index.close()
    assert held or live.letter(place).reason in {"refused", "invalid"}


@pytest.mark.parametrize("fault", ["shapes", "numbers", "no file"])
def test_announced_weights_that_cannot_serve_are_refused(live: Live, tmp_path: Path, fault: str) -> None:
    own = weights_path(live.settings).parent / "versions" / "999999.npz"
    weights = live_weights(live)
    if fault == "no file":
        own.write_bytes(b"PK\x03\x04 no weights")
    elif fault == "shapes":
        write_weights(own, replace(weights, arrays={name: part[:1] for name, part in weights.arrays.items()}))
    else:
        write_weights(own, replace(weights, arrays={name: part * np.nan for name, part in weights.arrays.items()}))
    _, key, value = poisoned(MODEL_UPDATES, uri=str(own), table=weights.table)
    letter = live.letter(live.produce(MODEL_UPDATES, key, value))
    own.unlink()
    assert letter.reason == "invalid"


def live_weights(live: Live) -> Weights:
    path = weights_path(live.settings)
    wait_until(path.is_file, seconds=60, what="weights are served")
    return read_weights(path)


def test_an_item_clicked_thousands_of_times_after_one_impression_costs_nobody_anything(live: Live) -> None:
    made = live.click("fan", "i1")
    shown = items_of(made)[:10]
    list_id, at = made["slates"][0]["list_id"], time.time() - 2_400
    base = {"user_id": "fan", "list_id": list_id}
    events = [base | {"type": "impression", "event_id": "fan-i", "event_time": at, "items": shown}]
    events += [
        base | {"type": "click", "event_id": f"fan-{n}", "event_time": at + n / 10, "item_id": shown[0]}
        for n in range(2_400)
    ]
    live.produce_many(INTERACTIONS, [("fan", json.dumps(event).encode()) for event in events])
    assert not live.click("fan", "i3")["stale"]


def test_items_that_nobody_knows_cost_a_worker_nothing(live: Live) -> None:
    live.serves_others()
    assert any(grown_by(live, f"made-up-{n}-") < MB_FOR_UNKNOWN_ITEMS for n in range(ROUNDS))
    made = live.click("m1", "i5")
    shown = {*items_of(made), *items_of(live.get("nobody-yet", n=50)), *items_of(live.get("m2", n=50))}
    assert not any(item.startswith("made-up") for item in shown)


def grown_by(live: Live, items: str) -> float:
    """Return by how many MB a round of clicks makes the worker grow."""
    before = live.memory_mb("worker")
    click_through(live, items, 20_000)
    grown = live.memory_mb("worker") - before
    print(f"the worker grew by {grown:.1f} MB from {before:.0f} MB")  # noqa: T201
    return grown


def click_through(live: Live, items: str, clicks: int) -> None:
    """Let ten people click items that each has a name of its own; return when the last click of each is answered."""
    now = time.time()
    events = [
        {"type": "click", "user_id": f"m{n % 10}", "event_id": f"{items}{n}", "event_time": now}
        | {"item_id": f"{items}{n}"}
        for n in range(clicks)
    ]
    live.produce_many(INTERACTIONS, [(str(event["user_id"]), json.dumps(event).encode()) for event in events])
    last = {str(event["event_id"]) for event in events[-10:]}
    answered = lambda: {e for made in live.newest_lists().values() for e in made.trigger_event_ids}  # noqa: E731
    wait_until(lambda: last <= answered(), seconds=120, what="all clicks are answered")


def test_words_over_http_are_obeyed_and_the_list_says_how_they_were_understood(live: Live) -> None:
    live.click("dan", "i1")
    said = {"type": "say", "user_id": "dan", "text": "no \x1b[31mxyzzy, pin i3 for three days"}
    token = live.post("instructions", said)["token"]
    answer = live.get("dan", after=token, timeout_ms=10_000, n=50)
    [reply] = answer["replies"]
    assert [statement["type"] for statement in reply["understood"]] == ["pin-item"]
    assert len(reply["questions"]) == 1
    assert items_of(answer)[0] == "i3"


def test_a_fresh_list_for_another_surface_leaves_the_home_list_as_it_is(live: Live) -> None:
    home = live.click("cat", "i1")
    live.get("cat", fresh="true", surface="cart", timeout_ms=5_000)
    after = live.get("cat", n=50)
    assert (after["slates"][0]["surface"], items_of(after)[:5]) == ("home", items_of(home)[:5])


def test_scores_that_are_no_numbers_are_never_published(live: Live) -> None:
    weights = live_weights(live)
    path = weights_path(live.settings)
    huge = {name: np.full_like(part, 3e38) for name, part in weights.arrays.items()}
    write_weights(path, replace(weights, version=weights.version + 1_000, arrays=huge))
    wait_until(lambda: SCORES_NOT_FINITE in live.click("eve", "i1").get("degradations", ()), seconds=30, what="says so")
    live.serves_others()
    write_weights(path, replace(weights, version=weights.version + 2_000))
    wait_until(lambda: not live.click("eve", "i2").get("degradations"), seconds=30, what="good weights serve again")


@pytest.mark.parametrize("fault", ["unreadable", "not numbers"])
def test_broken_weights_at_the_start_fall_back_to_good_ones(live: Live, fault: str) -> None:
    path, weights = weights_path(live.settings), live_weights(live)
    if fault == "unreadable":
        path.write_bytes(path.read_bytes()[:3_000])
    else:
        write_weights(path, replace(weights, arrays={name: part * np.nan for name, part in weights.arrays.items()}))
    for name in ("triton", "worker"):
        live.stack.restart(name, unheard)
    # The worker reads the rows of the items that nobody knows again, too.
    wait_until(lambda: not live.click("eve", "i1")["stale"], seconds=60, what="the worker has read its tables")
    live.serves_others()
    assert not live.click("eve", "i1").get("degradations")


def test_everything_is_well_in_the_end(live: Live) -> None:
    wait_until(lambda: not [row.name for row in live.stack.status() if row.problem], seconds=30, what="all is well")


def test_in_the_end_what_is_stored_is_still_what_the_log_says(live: Live) -> None:
    wait_until(lambda: differing(live) == 0, seconds=60, what="0 states differ from the log")
