"""A gateway whose keys are in a file, for tests of access."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from deploy.gateway.access.key_file import KeyFile, write_keys
from deploy.gateway.access.key_ring import CHECK_SECONDS, KeyRing
from deploy.gateway.access.keys import ApiKey, new_key, new_signing_key
from deploy.gateway.access.scopes import Scope
from schemas.ids import DEFAULT_USER
from tests.unit.deploy.gateway_fixtures import KEY, NOW, GatewayFixture, access_of, build, running

SIGNING = replace(new_signing_key(now=NOW), id="0a0a0a0a")
CLICK = {"type": "click", "event_id": "e1", "user_id": "ann", "event_time": 1.7e9, "item_id": "i1"}
BAN = {"type": "ban-category", "user_id": "ann", "category": "war"}
ITEM = {"item_id": "i1", "title": "A teapot"}
ROUTES: dict[str, tuple[str, str, Any, set[Scope]]] = {
    "interactions": ("POST", "/v1/interactions", CLICK, {"ingest"}),
    "instructions": ("POST", "/v1/instructions", BAN, {"ingest", "instructions"}),
    "items": ("POST", "/v1/items", ITEM, {"catalogue"}),
    "withdrawal": ("DELETE", "/v1/items/i1", None, {"catalogue"}),
    "list": ("GET", "/v1/recommendations/ann", None, {"lists"}),
    "similar": ("GET", "/v1/items/i1/similar", None, {"lists"}),
    "item": ("GET", "/v1/items/i1", None, {"lists", "catalogue"}),
    "search": ("GET", "/v1/search", None, {"lists"}),
    "picture": ("POST", "/v1/search/image", None, {"lists"}),
    "popular": ("GET", "/v1/popular", None, {"lists"}),
    "trending": ("GET", "/v1/trending", None, {"lists"}),
    "signals": ("GET", "/v1/signals/item/i1", None, {"lists"}),
    "memories": ("GET", "/v1/users/ann/memories", None, {"memories"}),
    "chat": ("POST", "/v1/users/ann/chat", {"text": "a comedy"}, {"lists"}),
    "user's item": ("GET", "/v1/users/ann/items/i1", None, {"lists"}),
    "history": ("GET", "/v1/users/ann/history", None, {"memories"}),
    "page": ("GET", "/v1/users/ann", None, {"memories"}),
    "export": ("GET", "/v1/users/ann/export", None, {"memories"}),
    "erase": ("DELETE", "/v1/users/ann", None, set()),
    "say": ("POST", "/v1/users/ann/say", {"text": "no war", "timeout_ms": 0}, {"instructions"}),
    "remember": ("POST", "/v1/users/ann/memories", {"predicate": "likes", "value": "war"}, {"instructions"}),
    "forget": ("DELETE", "/v1/users/ann/memories/m1", None, {"instructions"}),
    "goal": ("POST", "/v1/users/ann/goals", {"name": "three wars", "category": "war", "count": 3}, {"instructions"}),
    "no goal": ("DELETE", "/v1/users/ann/goals/three%20wars", None, {"instructions"}),
    "undo": ("POST", "/v1/users/ann/undo", None, {"instructions"}),
    "autonomy": ("PUT", "/v1/users/ann/autonomy", {"level": 1}, {"instructions"}),
    "occasions": ("POST", "/v1/users/ann/occasions", {"reason": "spring sale"}, {"ingest"}),
    "decision": ("POST", "/v1/users/ann/decision", {"approve": True}, {"instructions"}),
    "token": ("POST", "/v1/tokens", {"user_id": "ann"}, {"tokens"}),
    "keys": ("GET", "/v1/keys", None, set()),
}
"""Every route that takes a key, with the scopes of which it takes one; `admin` is enough for each."""


@dataclass
class Shop:
    """A gateway whose keys are in a file, with time that passes only when a test says so."""

    gateway: GatewayFixture
    path: Path
    keys: dict[str, ApiKey] = field(default_factory=dict)

    def key(self, *scopes: Scope, **more: Any) -> str:
        key, presented = new_key("shop", scopes=scopes, now=NOW, **more)
        self.keys[key.id] = key
        self.store()
        return presented

    def store(self) -> None:
        write_keys(self.path, KeyFile(keys=tuple(self.keys.values()), signing=(SIGNING,)))
        self.gateway.now += CHECK_SECONDS

    def ask(self, key: str, method: str, path: str, body: Any = None, **headers: str) -> Any:
        return self.gateway.client.request(method, path, json=body, headers={"X-API-Key": key} | headers)

    def token_for(self, key: str, user: str, **more: Any) -> Any:
        return self.ask(key, "POST", "/v1/tokens", {"user_id": user} | more).json()

    def as_user(self, token: str, method: str, path: str, body: Any = None) -> tuple[int, str]:
        answer = self.gateway.client.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})
        return answer.status_code, answer.json().get("reason", "")


def opened(folder: Path, **more: Any) -> Iterator[Shop]:
    path = folder / "keys.json"
    write_keys(path, KeyFile(signing=(SIGNING,)))
    gateway: GatewayFixture

    def clock() -> float:
        return gateway.now

    ring = KeyRing((KEY,), path, clock=clock, monotonic=clock)
    gateway = build(access=access_of(clock, ring, **more))
    gateway.publish(DEFAULT_USER, 1)
    with running(gateway):
        yield Shop(gateway, path)


def is_refused(status: int) -> bool:
    return status in (401, 403)
