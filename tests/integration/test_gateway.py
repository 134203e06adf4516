"""The gateway as a process on a real broker: it stores posts, serves lists, and shuts down gracefully."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr

from deploy.clients import make_cluster, make_publisher
from deploy.embedded.choices import is_free
from deploy.embedded.stack import Stack
from deploy.settings import GatewaySettings, KafkaSettings, Settings, TopicSettings
from deploy.topics import create_topics
from features.statistics import fold_delta
from schemas.codec import encode
from schemas.ids import DEFAULT_USER, ItemId
from schemas.statistics import ItemDelta
from schemas.topics import INTERACTIONS, ITEM_STATISTICS, ITEMS, RECOMMENDATIONS
from streams.log.kafka_admin import KafkaAdmin
from streams.log.kafka_client import KafkaPublisher, KafkaTableReader
from streams.log.partitions import partition_of
from streams.log.records import Inbound
from tests.unit.deploy.gateway_fixtures import list_of

pytestmark = pytest.mark.servers
KEY = "a-key-for-tests"
PARTITIONS = 4
FOREVER = 4e9
CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="module")
def settings(kafka_server: KafkaSettings) -> Settings:
    """Create a separate system on the broker: its topics carry a prefix."""
    built = Settings(
        kafka=kafka_server,
        topics=TopicSettings(prefix=f"gw-{uuid4().hex[:6]}-", person_partitions=PARTITIONS, item_partitions=2),
        gateway=GatewaySettings(
            port=next(filter(is_free, range(23_100, 23_999))), api_keys=(SecretStr(KEY),), drain_seconds=1.0
        ),
    )
    create_topics(built, KafkaAdmin(make_cluster(built)))
    return built


@pytest.fixture(scope="module")
def publisher(settings: Settings) -> KafkaPublisher:
    publisher = make_publisher(settings, receipts=True)
    publisher.send(RECOMMENDATIONS, DEFAULT_USER, encode(list_of(DEFAULT_USER, 1, expires_at=FOREVER)))
    publisher.flush()
    return publisher


@contextmanager
def gateway(settings: Settings, folder: Path) -> Iterator[tuple[httpx.Client, subprocess.Popen[bytes]]]:
    """Start the process and yield it when it is ready; kill it at the end if it still runs."""
    kafka, gateway_settings = settings.kafka, settings.gateway
    variables = {
        "DATA_DIR": str(folder),
        "KAFKA__BOOTSTRAP": kafka.bootstrap,
        "KAFKA__SECURITY_PROTOCOL": kafka.security_protocol,
        "KAFKA__SASL_USERNAME": kafka.sasl_username,
        "KAFKA__SASL_PASSWORD": kafka.sasl_password.get_secret_value(),
        "TOPICS__PREFIX": settings.topics.prefix,
        "TOPICS__PERSON_PARTITIONS": str(PARTITIONS),
        "TOPICS__ITEM_PARTITIONS": "2",
        "GATEWAY__PORT": str(gateway_settings.port),
        "GATEWAY__API_KEYS": f'["{KEY}"]',
        "GATEWAY__DRAIN_SECONDS": str(gateway_settings.drain_seconds),
        "GATEWAY__POST_TIMEOUT_SECONDS": str(gateway_settings.post_timeout_seconds),
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LIFELONG_")}
    environment = inherited | {f"LIFELONG_{name}": value for name, value in variables.items()}
    with (folder / "gateway.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "deploy.cli", "gateway"], env=environment, stderr=log)
    address = f"http://127.0.0.1:{gateway_settings.port}"
    try:
        with httpx.Client(base_url=address, headers={"X-API-Key": KEY}, trust_env=False, timeout=20) as client:
            eventually(lambda: is_ready(client), process)
            yield client, process
    finally:
        process.kill()
        process.wait()


def second_gateway(settings: Settings, step: int, **more: Any) -> Settings:
    """Return the settings of another gateway of the same system."""
    changed = {"port": settings.gateway.port + step} | more
    return settings.model_copy(update={"gateway": settings.gateway.model_copy(update=changed)})


def is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/health/ready").status_code == 200
    except httpx.TransportError:
        return False


def eventually(holds: Callable[[], bool], process: subprocess.Popen[bytes] | None = None) -> None:
    """Return as soon as the condition holds; fail if it does not within thirty seconds, or the process ended."""
    tick = Event()
    for _ in range(600):
        if holds():
            return
        assert process is None or process.poll() is None, "the gateway has ended"
        tick.wait(0.05)
    raise AssertionError("it never held")


@pytest.fixture(scope="module")
def client(
    settings: Settings, publisher: KafkaPublisher, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    with gateway(settings, tmp_path_factory.mktemp("gateway")) as (client, _):
        yield client


def records(settings: Settings, topic: str) -> list[Inbound]:
    reader = KafkaTableReader(make_cluster(settings), (topic,))
    try:
        return reader.catch_up()
    finally:
        reader.close()


def test_posts_become_records_in_the_partitions_of_their_users(settings: Settings, client: httpx.Client) -> None:
    users = [f"user-{k}" for k in range(40)]
    events = [{"type": "like", "user_id": user, "item_id": "i1"} for user in users]
    answer = client.post("/v1/interactions", json=[*events, {"type": "like"}])
    assert (answer.status_code, answer.json()["accepted"]) == (202, len(users))
    assert [rejected["index"] for rejected in answer.json()["rejected"]] == [len(users)]
    stored = {record.key.decode(): record for record in records(settings, INTERACTIONS) if record.key}
    assert {user: stored[user].partition for user in users} == {u: partition_of(u, PARTITIONS) for u in users}
    last = {partition_of(user, PARTITIONS): stored[user].offset for user in users}
    assert answer.json()["token"] == ",".join(f"interactions-{p}@{offset}" for p, offset in sorted(last.items()))


def test_concurrent_posts_each_get_the_offset_of_their_own_record(settings: Settings, client: httpx.Client) -> None:
    tokens: dict[str, str] = {}

    def send(user: str) -> None:
        event = {"type": "click", "user_id": user, "item_id": "i1"}
        tokens[user] = client.post("/v1/interactions", json=event).json()["token"]

    threads = [Thread(target=send, args=(f"together-{k}",)) for k in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = {
        r.key.decode(): f"interactions-{r.partition}@{r.offset}" for r in records(settings, INTERACTIONS) if r.key
    }
    assert tokens == {user: stored[user] for user in tokens}
    assert len(tokens) == 32


def test_a_published_list_is_served_and_after_waits_for_it(client: httpx.Client, publisher: KafkaPublisher) -> None:
    event = {"type": "click", "user_id": "reader", "item_id": "i1"}
    token = client.post("/v1/interactions", json=event).json()["token"]
    assert client.get("/v1/recommendations/reader").json()["default"] is True
    early = client.get("/v1/recommendations/reader", params={"after": token, "timeout_ms": 50})
    assert (early.json()["stale"], early.headers["X-Lifelong-Stale"]) == (True, "1")

    source, _, offset = token.partition("@")
    answers: list[Any] = []
    query = {"after": token, "timeout_ms": 10_000}
    reading = Thread(target=lambda: answers.append(client.get("/v1/recommendations/reader", params=query).json()))
    reading.start()
    for version, applied in ((1, int(offset) - 1), (2, int(offset))):
        recommendation = list_of("reader", version, applied={source: applied}, expires_at=FOREVER)
        publisher.send(RECOMMENDATIONS, "reader", encode(recommendation))
        publisher.flush()
    reading.join()
    assert (answers[0]["version"], answers[0]["stale"], answers[0]["default"]) == (2, False, False)


def test_items_come_and_go(settings: Settings, client: httpx.Client) -> None:
    assert client.post("/v1/items", json={"item_id": "jaws", "title": "Jaws"}).status_code == 202
    eventually(lambda: client.get("/v1/items/jaws/similar").status_code == 503)
    assert client.get("/v1/items/jaws/similar").json()["reason"] == "store-unavailable"
    assert client.delete("/v1/items/jaws").status_code == 202
    eventually(lambda: client.get("/v1/items/jaws/similar").status_code == 404)
    assert [bool(record.value) for record in records(settings, ITEMS) if record.key == b"jaws"] == [True, False]


def test_what_is_posted_is_searched_counted_and_read_back(client: httpx.Client, publisher: KafkaPublisher) -> None:
    client.post(
        "/v1/items", json=[{"item_id": "find-1", "title": "Copper kettle", "categories": ["pots"], "price": 12}]
    )

    def found(path: str) -> list[str]:
        answer = client.get(path)
        return [entry["item_id"] for entry in answer.json()["items"]] if answer.status_code == 200 else []

    eventually(lambda: found("/v1/search?q=coper%20ketle&filter=price%20<%2020") == ["find-1"])
    assert client.get("/v1/items/find-1").json()["available"] is True
    delta = ItemDelta(item_id=ItemId("find-1"), source="s", offset=0, event_time=1.7e9, weight=1.0)
    publisher.send(ITEM_STATISTICS, "find-1", encode(fold_delta(None, delta)))
    publisher.flush()
    eventually(lambda: found("/v1/popular?window=month&category=Pots") == ["find-1"])
    narrowed = client.get("/v1/recommendations/nobody?filter=categories:pots&with=title").json()
    assert [entry["title"] for entry in narrowed["slates"][0]["items"]] == ["Copper kettle"]
    assert (narrowed["filled"], narrowed["shortened"]) == (1, True)


def test_requests_are_counted_by_route(client: httpx.Client) -> None:
    page = client.get("/metrics").text
    assert re.search(
        r'lifelong_http_requests_total\{route="/v1/recommendations/\{user_id\}",status="200"\} [1-9]', page
    )
    assert "reader" not in page


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
def test_a_browser_loads_the_documentation_from_the_gateway_only(client: httpx.Client, tmp_path: Path) -> None:
    root = ("--no-sandbox",) if os.geteuid() == 0 else ()
    command = [
        str(CHROMIUM),
        "--headless=new",
        *root,
        "--disable-gpu",
        "--disable-dev-shm-usage",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--virtual-time-budget=8000",
        "--disable-background-networking",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--dump-dom",
        f"{client.base_url}/schema",
    ]
    drawn = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert "/v1/recommendations/{user_id}" in drawn.replace("\u200b", "").replace("<wbr>", "")
    assert "Unable to render" not in drawn
    assert re.findall(r'(?:src|href)="(?:https?:)?//(?!127\.0\.0\.1)[^"]*"', drawn) == []


def test_on_sigterm_it_drains_finishes_started_requests_and_exits_with_status_0(
    settings: Settings, publisher: KafkaPublisher, tmp_path: Path
) -> None:
    with gateway(second_gateway(settings, 1), tmp_path) as (client, process):
        answers: list[httpx.Response] = []
        source = f"interactions-{partition_of('waits', PARTITIONS)}"
        query = {"after": f"{source}@999999", "timeout_ms": 2_500}
        reading = Thread(target=lambda: answers.append(client.get("/v1/recommendations/waits", params=query)))
        reading.start()
        eventually(lambda: "lifelong_http" in client.get("/metrics").text, process)
        process.send_signal(signal.SIGTERM)
        eventually(lambda: client.get("/health/ready").json() == {"status": "draining"}, process)
        event = {"type": "click", "user_id": "late", "item_id": "i1"}
        assert client.post("/v1/interactions", json=event).status_code == 202
        assert process.wait(timeout=20) == 0
        reading.join()
    assert (answers[0].status_code, answers[0].json()["stale"]) == (200, True)
    assert "late" in {record.key.decode() for record in records(settings, INTERACTIONS) if record.key}
    assert "Traceback" not in (tmp_path / "gateway.log").read_text()


def test_keys_are_made_and_revoked_without_a_restart_and_access_is_audited(
    settings: Settings, publisher: KafkaPublisher, tmp_path: Path
) -> None:
    def keys(*words: str) -> dict[str, str]:
        environment = os.environ | {"LIFELONG_DATA_DIR": str(tmp_path)}
        command = [sys.executable, "-m", "deploy.cli", "keys", *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return dict(json.loads(done.stdout)) if "--json" in words else {}

    with gateway(second_gateway(settings, 3), tmp_path) as (client, process):
        made = keys("create", "shop", "--scope", "lists", "--json")
        headers = {"X-API-Key": made["key"]}
        eventually(lambda: client.get("/v1/recommendations/ann", headers=headers).status_code == 200, process)
        assert client.get("/v1/users/ann/memories", headers=headers).json()["reason"] == "missing-scope"
        token = client.post("/v1/tokens", json={"user_id": "ann"}).json()["token"]
        bearer = {"Authorization": f"Bearer {token}", "X-API-Key": ""}
        statuses = [client.get(f"/v1/recommendations/{user}", headers=bearer).status_code for user in ("ann", "bob")]
        assert statuses == [200, 403]
        keys("revoke", made["id"])
        eventually(lambda: client.get("/v1/recommendations/ann", headers=headers).status_code == 401, process)
    log = tmp_path / "gateway-audit.jsonl"
    eventually(lambda: made["id"] in log.read_text())
    assert log.stat().st_mode & 0o777 == 0o600
    assert made["key"].split("_", 2)[2] not in log.read_text()


@contextmanager
def suspended_broker(stack: Stack) -> Iterator[None]:
    """Suspend the broker, and resume it afterwards."""
    (pid,) = [row.pid for row in stack.status() if row.name == "kafka"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_while_kafka_is_away_posts_are_refused_in_time_and_lists_are_served(
    settings: Settings, embedded: Stack, publisher: KafkaPublisher, tmp_path: Path
) -> None:
    with gateway(second_gateway(settings, 2, post_timeout_seconds=0.7), tmp_path) as (client, process):
        event = {"type": "click", "user_id": "u1", "item_id": "i1"}
        with suspended_broker(embedded):
            refused = client.post("/v1/interactions", json=event)
            assert (refused.status_code, refused.json()["reason"]) == (503, "not-acknowledged")
            assert refused.elapsed.total_seconds() < 3
            assert client.get("/v1/recommendations/u1").json()["default"] is True
        eventually(lambda: client.post("/v1/interactions", json=event).status_code == 202, process)
        with suspended_broker(embedded):
            client.post("/v1/interactions", json=event)
            process.terminate()
            assert process.wait(timeout=20) == 0
