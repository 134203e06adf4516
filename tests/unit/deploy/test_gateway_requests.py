"""The gateway itself: authentication, health, metrics and its OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from litestar.testing import TestClient
from pydantic import SecretStr

from deploy.gateway.access.wiring import make_key_ring
from deploy.gateway.app import create_app
from deploy.gateway.served.cache import Feeder
from deploy.gateway.serving.request_metrics import RequestMetrics
from deploy.settings import GatewaySettings, Settings, SettingsError
from schemas.ids import DEFAULT_USER
from streams.log.records import Inbound
from tests.unit.deploy.gateway_fixtures import KEY, GatewayFixture, build, eventually, running

OPEN = ("/health/live", "/health/ready", "/metrics", "/schema", "/schema/openapi.json", "/schema/page/page.js")
CLOSED = ("/v1/recommendations/u1", "/v1/items/i1/similar", "/v1/users/u1/memories")


@pytest.fixture
def gateway() -> Iterator[GatewayFixture]:
    built = build()
    built.publish(DEFAULT_USER, 1)
    with running(built) as gateway:
        yield gateway


@pytest.fixture
def document(gateway: GatewayFixture) -> Any:
    return gateway.client.get("/schema/openapi.json").json()


def test_open_routes_need_no_key_and_all_others_do(gateway: GatewayFixture) -> None:
    assert {path: gateway.client.get(path).status_code for path in OPEN} == dict.fromkeys(OPEN, 200)
    assert {path: gateway.client.get(path).status_code for path in CLOSED} == dict.fromkeys(CLOSED, 401)


def test_every_route_that_is_not_known_to_be_open_is_closed(document: Any, gateway: GatewayFixture) -> None:
    paths = {path.replace("{", "").replace("}", "") for path in document["paths"]}
    answers = {path: gateway.client.request("GET", path).status_code for path in paths - set(OPEN)}
    assert set(answers.values()) <= {401, 405}
    assert len(answers) == 27


@pytest.mark.parametrize("keys", [(), ("",), ("good", "")])
def test_without_a_key_the_gateway_does_not_start(tmp_path: Path, keys: tuple[str, ...]) -> None:
    settings = Settings(data_dir=tmp_path, gateway=GatewaySettings(api_keys=tuple(map(SecretStr, keys))))
    with pytest.raises(SettingsError, match=r"gateway\.api_keys"):
        make_key_ring(settings)


def test_readiness_begins_with_catching_up_and_ends_with_draining() -> None:
    gateway = build()
    gateway.topics.away()
    with TestClient(create_app(gateway.context)) as client:
        gateway.client = client
        gateway.context.cache.caught_up = False
        assert client.get("/health/ready").json() == {"status": "catching-up"}
        assert client.get("/v1/recommendations/u1", headers={"X-API-Key": KEY}).json()["reason"] == "catching-up"
        gateway.context.cache.caught_up = True
        assert client.get("/health/ready").json() == {"status": "ready"}
        gateway.context.condition.draining = True
        response = client.get("/health/ready")
        assert (response.status_code, response.json()) == (503, {"status": "draining"})
        assert client.get("/health/live").status_code == 200


class Broken:
    """A reader that raises an unexpected error."""

    def catch_up_in_parts(self) -> Iterator[list[Inbound]]:
        yield []

    def poll(self) -> list[Inbound]:
        raise RuntimeError("unexpected")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_fails_the_gateway() -> None:
    gateway = build()
    context = replace(
        gateway.context, feeder=Feeder(Broken(), gateway.context.cache, on_failure=gateway.context.condition.fail)
    )
    with TestClient(create_app(context)) as client:
        eventually(lambda: context.condition.failed)
        assert (client.get("/health/ready").status_code, client.get("/health/live").status_code) == (503, 200)


def test_requests_are_counted_by_route_and_never_by_path() -> None:
    seen: list[tuple[str, int, float]] = []
    built = build()
    built.publish(DEFAULT_USER, 1)
    ticks = count()
    app = RequestMetrics(
        create_app(built.context), lambda *request: seen.append(request), clock=lambda: float(next(ticks))
    )
    with TestClient(app) as client:
        headers = {"X-API-Key": KEY}
        client.get("/health/live")
        client.get("/v1/recommendations/alice", headers=headers)
        client.get("/v1/items/jaws/similar", headers=headers)
        client.get("/v1/items/jaws/similar")
        client.get("/nowhere/alice")
    assert [route for route, _, _ in seen] == [
        "/health/live",
        "/v1/recommendations/{user_id}",
        "/v1/items/{item_id}/similar",
        "/v1/items/{item_id}/similar",
        "unmatched",
    ]
    assert [status for _, status, _ in seen][2:] == [404, 401, 404]
    assert {seconds for _, _, seconds in seen} == {1.0}


def test_problems_of_the_framework_are_problem_details_too(gateway: GatewayFixture) -> None:
    response = gateway.get("/nowhere")
    assert (response.status_code, response.json()["reason"]) == (404, "not-found")
    assert response.headers["Content-Type"] == "application/problem+json"
    assert gateway.client.put("/v1/items", headers={"X-API-Key": KEY}).json()["reason"] == "method-not-allowed"


def test_the_document_describes_bodies_by_the_published_types(document: Any) -> None:
    schemas = document["components"]["schemas"]
    click = schemas["Click"]
    assert sorted(click["required"]) == ["item_id", "type", "user_id"]
    event = {"type": "click", "user_id": "u1", "item_id": "i1"}
    jsonschema.validate(event, {"$ref": "#/components/schemas/Interaction", "components": {"schemas": schemas}})
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(
            {"type": "click"}, {"$ref": "#/components/schemas/Click", "components": document["components"]}
        )


def test_every_reference_of_the_document_leads_somewhere(document: Any, gateway: GatewayFixture) -> None:
    for version in (document, gateway.client.get("/schema/openapi-3.0.json").json()):
        for reference in references(version):
            node: Any = version
            for step in reference.removeprefix("#/").split("/"):
                node = node[step]


def references(node: Any) -> Iterator[str]:
    """Yield every `$ref` below, and every target of a discriminator."""
    if isinstance(node, dict):
        yield from (node[key] for key in node if key == "$ref")
        yield from node.get("mapping", {}).values() if "propertyName" in node else ()
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_answers_are_described_by_the_recommendation_as_published(document: Any) -> None:
    operation = document["paths"]["/v1/recommendations/{user_id}"]["get"]
    assert "ServedResponse" in str(operation["responses"]["200"])
    assert {"version", "slates", "stale", "default"} <= set(
        document["components"]["schemas"]["ServedResponse"]["properties"]
    )
    assert [entry["name"] for entry in operation["parameters"]].count("user_id") == 1
    assert operation["responses"]["default"]["content"]["application/problem+json"]


def test_the_page_loads_nothing_from_elsewhere(gateway: GatewayFixture) -> None:
    page = gateway.client.get("/schema")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "//" not in page.text.replace("<!doctype html>", "")
    assert page.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert gateway.client.get("/schema/page/setup.py").status_code == 404
    assert gateway.client.get("/schema/page/../../etc/passwd").status_code == 404
