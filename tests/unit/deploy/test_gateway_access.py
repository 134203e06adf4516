"""Who may do what over HTTP: keys with scopes and tenants, rotation, and tokens of single users."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from deploy.gateway.access.callers import Limits
from deploy.gateway.access.key_file import KeyFile, read_keys, write_keys
from deploy.gateway.access.key_ring import CHECK_SECONDS, KeyRing
from deploy.gateway.access.keys import ApiKey, new_key, new_signing_key, rotate
from deploy.gateway.access.scopes import ALL_SCOPES, Scope
from deploy.settings import SettingsError
from schemas.ids import DEFAULT_USER
from schemas.topics import INSTRUCTIONS, INTERACTIONS, ITEMS
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
    "memories": ("GET", "/v1/users/ann/memories", None, {"memories"}),
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


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    yield from opened(tmp_path)


def opened(folder: Path, **more: Any) -> Iterator[Shop]:
    path = folder / "keys.json"
    write_keys(path, KeyFile(signing=(SIGNING,)))
    gateway: GatewayFixture

    def clock() -> float:
        return gateway.now

    gateway = build(access=None)
    ring = KeyRing((KEY,), path, clock=lambda: NOW, monotonic=lambda: NOW)
    gateway = build(access=access_of(clock, _timed(ring, clock), **more))
    gateway.publish(DEFAULT_USER, 1)
    with running(gateway):
        yield Shop(gateway, path)


def _timed(ring: KeyRing, clock: Any) -> KeyRing:
    ring._clock = ring._monotonic = clock
    return ring


def is_refused(status: int) -> bool:
    return status in (401, 403)


# Scopes


@pytest.mark.parametrize("route", ROUTES)
def test_a_key_reaches_the_routes_of_its_scopes_and_no_others(shop: Shop, route: str) -> None:
    method, path, body, scopes = ROUTES[route]
    for scope in ALL_SCOPES:
        answer = shop.ask(shop.key(scope), method, path, body)
        if scope in scopes or scope == "admin":
            assert not is_refused(answer.status_code), (scope, answer.text)
        else:
            assert (answer.status_code, answer.json()["reason"]) == (403, "missing-scope"), scope


def test_every_route_of_the_document_is_in_the_table(shop: Shop) -> None:
    paths = shop.gateway.client.get("/schema/openapi.json").json()["paths"]
    documented = {(verb.upper(), path) for path, verbs in paths.items() for verb in verbs}
    names = {"/i1": "/{item_id}", "/ann": "/{user_id}"}
    known = set()
    for method, path, *_ in ROUTES.values():
        for part, template in names.items():
            path = path.replace(part, template)
        known.add((method, path))
    assert documented - known == {("GET", "/health/live"), ("GET", "/health/ready")}


def test_every_scope_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "operations" / "access.md").read_text()
    assert [scope for scope in ALL_SCOPES if f"| `{scope}` |" not in page] == []


def test_keys_of_the_settings_have_every_scope(shop: Shop) -> None:
    for method, path, body, _ in ROUTES.values():
        assert not is_refused(shop.ask(KEY, method, path, body).status_code)


def test_nothing_is_stored_for_a_key_without_the_scope(shop: Shop) -> None:
    for method, path, body, _ in ROUTES.values():
        shop.ask(shop.key("memories"), method, path, body)
    assert [shop.gateway.records(topic) for topic in (INTERACTIONS, INSTRUCTIONS, ITEMS)] == [[], [], []]


@pytest.mark.parametrize(
    "presented",
    [
        "",
        " ",
        "ll__",
        "ll_{id}_",
        "ll_{id}",
        "ll_{id}_wrong",
        "{secret}",
        "LL_{id}_{secret}",
        "ll_{id}_{secret}x",
        "ll_{id}_{secret} ",
        "ll_0000000000000000_{secret}",
        "é" * 40,
        "a.b.c",
        "..",
        "{hash}",
        "ll_{id}_{hash}",
    ],
)
def test_a_wrong_key_in_any_form_is_refused(shop: Shop, presented: str) -> None:
    _, key_id, secret = shop.key("admin").split("_", 2)
    hashed = shop.keys[key_id].secrets[0].sha256
    text = presented.format(id=key_id, secret=secret, hash=hashed).encode()
    right = f"ll_{key_id}_{secret}".encode()
    for headers in ([(b"x-api-key", text)], [(b"authorization", b"Bearer " + text)], [(b"authorization", text)]):
        if text.strip() == right:
            continue
        answer = shop.gateway.client.get("/v1/recommendations/ann", headers=headers)
        assert (answer.status_code, answer.json()["reason"]) == (401, "unauthorized")
        assert secret not in answer.text


def test_listing_keys_names_no_secret(shop: Shop) -> None:
    presented = shop.key("lists", tenant="acme", limits=Limits(per_day=5))
    answer = shop.ask(shop.key("admin"), "GET", "/v1/keys")
    by_id = {entry["id"]: entry for entry in answer.json()}
    _, key_id, secret = presented.split("_", 2)
    assert (by_id[key_id]["tenant"], by_id[key_id]["scopes"], by_id[key_id]["limits"]["per_day"]) == (
        "acme",
        ["lists"],
        5,
    )
    assert set(by_id) == {"settings-0", *shop.keys}
    assert secret not in answer.text
    assert KEY not in answer.text
    assert not any(hashed.sha256 in answer.text for key in shop.keys.values() for hashed in key.secrets)


# Tenants


@pytest.mark.parametrize("route", [name for name, (_, path, body, _) in ROUTES.items() if "ann" in path or body])
def test_a_key_of_a_tenant_reaches_only_its_own_ids(shop: Shop, route: str) -> None:
    method, path, body, _ = ROUTES[route]
    key = shop.key("admin", tenant="acme")
    answer = shop.ask(key, method, path, body)
    assert (answer.status_code, answer.json()["reason"]) in {(403, "other-user"), (403, "other-item")}
    own_path = path.replace("ann", "acme:ann")
    own = {name: f"acme:{value}" if name in ("user_id", "item_id") else value for name, value in (body or {}).items()}
    assert not is_refused(shop.ask(key, method, own_path, own or None).status_code)


def test_withdrawing_an_item_of_another_tenant_is_refused(shop: Shop) -> None:
    key = shop.key("catalogue", tenant="acme")
    assert shop.ask(key, "DELETE", "/v1/items/globex:i1").json()["reason"] == "other-item"
    assert shop.ask(key, "DELETE", "/v1/items/acme:i1").status_code == 202
    assert [record.key for record in shop.gateway.records(ITEMS)] == [b"acme:i1"]


def test_of_a_bulk_post_values_of_other_tenants_are_rejected(shop: Shop) -> None:
    users = ["acme:a", "globex:b", "acme", "acme:", "ACME:c", "acmex:d", "acme:e"]
    answer = shop.ask(
        shop.key("ingest", tenant="acme"), "POST", "/v1/interactions", [CLICK | {"user_id": u} for u in users]
    )
    assert (answer.status_code, answer.json()["accepted"]) == (202, 3)
    assert {entry["reason"] for entry in answer.json()["rejected"]} == {"other-user"}
    assert sorted(record.key for record in shop.gateway.records(INTERACTIONS)) == [b"acme:", b"acme:a", b"acme:e"]


@pytest.mark.parametrize(
    "part", ["globex%3Aann", "acme%2Fann", "%61cme", "acme", "..%2Facme:ann", "acme%00:ann", "@default"]
)
def test_no_spelling_of_a_path_reaches_another_tenant(shop: Shop, part: str) -> None:
    answer = shop.ask(shop.key("admin", tenant="acme"), "GET", f"/v1/recommendations/{part}")
    assert answer.status_code in (403, 422)


@given(st.text(max_size=8), st.sampled_from(["acme", "a", "globex"]))
def test_a_tenant_owns_exactly_the_ids_with_its_prefix(name: str, tenant: str) -> None:
    key, _ = new_key("shop", scopes=("lists",), now=0.0, tenant=tenant)
    ring = KeyRing(clock=lambda: 0.0, monotonic=lambda: 0.0)
    caller = ring._caller_of(key)
    assert caller.owns_user(name) == name.startswith(f"{tenant}:")
    assert caller.owns_user(f"{tenant}:{name}")


# Rotation, expiry and revocation, without a restart


def test_during_a_rotation_both_secrets_are_valid_and_then_the_new_one(shop: Shop) -> None:
    old = shop.key("lists")
    key_id = old.split("_")[1]
    shop.keys[key_id], new = rotate(shop.keys[key_id], now=shop.gateway.now, overlap=60.0)
    assert shop.ask(old, "GET", "/v1/recommendations/ann").status_code == 200
    shop.store()
    statuses = []
    for _ in range(2):
        statuses.append([shop.ask(text, "GET", "/v1/recommendations/ann").status_code for text in (old, new)])
        shop.gateway.now += 61.0
    assert statuses == [[200, 200], [401, 200]]


def test_a_rotation_ends_the_secret_before_the_last(shop: Shop) -> None:
    presented = [shop.key("lists")]
    key_id = presented[0].split("_")[1]
    for _ in range(2):
        shop.keys[key_id], fresh = rotate(shop.keys[key_id], now=shop.gateway.now, overlap=600.0)
        presented.append(fresh)
    shop.store()
    assert [shop.ask(text, "GET", "/v1/recommendations/ann").status_code for text in presented] == [401, 200, 200]


def test_revoked_expired_and_removed_keys_are_refused(shop: Shop) -> None:
    revoked, expired, removed = shop.key("lists"), shop.key("lists", expires_at=NOW + 30.0), shop.key("lists")
    presented = (revoked, expired, removed)
    assert [shop.ask(text, "GET", "/v1/recommendations/ann").status_code for text in presented] == [200] * 3
    shop.keys[revoked.split("_")[1]] = replace(shop.keys[revoked.split("_")[1]], revoked_at=NOW)
    del shop.keys[removed.split("_")[1]]
    shop.store()
    shop.gateway.now += 31.0
    assert [shop.ask(text, "GET", "/v1/recommendations/ann").status_code for text in presented] == [401] * 3


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"keys": [{}]}', b'{"keys": [], "colour": 1}', b"[" * 5000])
def test_a_damaged_file_of_keys_changes_nothing_while_running_and_is_refused_at_start(
    shop: Shop, content: bytes
) -> None:
    key = shop.key("lists")
    shop.ask(key, "GET", "/v1/recommendations/ann")
    shop.path.write_bytes(content)
    shop.gateway.now += CHECK_SECONDS
    assert shop.ask(key, "GET", "/v1/recommendations/ann").status_code == 200
    with pytest.raises(SettingsError, match="restore a copy"):
        read_keys(shop.path)


def test_a_removed_file_of_keys_holds_none(shop: Shop) -> None:
    key = shop.key("lists")
    shop.path.unlink()
    shop.gateway.now += CHECK_SECONDS
    assert shop.ask(key, "GET", "/v1/recommendations/ann").status_code == 401
    assert shop.ask(KEY, "GET", "/v1/recommendations/ann").status_code == 200


def test_the_file_of_keys_holds_no_secret_and_only_its_owner_reads_it(shop: Shop) -> None:
    secret = shop.key("lists").split("_", 2)[2]
    assert secret not in shop.path.read_text()
    assert shop.path.stat().st_mode & 0o777 == 0o600


# Tokens of users


def test_a_token_reads_and_instructs_its_user_and_nobody_else(shop: Shop) -> None:
    issued = shop.token_for(shop.key("tokens"), "ann")
    token = issued["token"]
    assert (issued["user_id"], issued["expires_at"]) == ("ann", shop.gateway.now + 900.0)
    assert shop.as_user(token, "GET", "/v1/recommendations/ann")[0] == 200
    assert shop.as_user(token, "POST", "/v1/instructions", BAN)[0] == 202
    assert not is_refused(shop.as_user(token, "GET", "/v1/users/ann/memories")[0])
    for user in ("bob", "ann2", "an", "ANN"):
        assert shop.as_user(token, "GET", f"/v1/recommendations/{user}") == (403, "other-user")
        assert shop.as_user(token, "GET", f"/v1/users/{user}/memories") == (403, "other-user")
        assert shop.as_user(token, "POST", "/v1/instructions", BAN | {"user_id": user}) == (403, "other-user")
    refused = {
        name for name, (method, path, body, _) in ROUTES.items() if shop.as_user(token, method, path, body)[0] == 403
    }
    assert refused == {"interactions", "items", "withdrawal", "token", "keys"}


def test_a_token_has_only_the_scopes_that_it_was_issued_with(shop: Shop) -> None:
    token = shop.token_for(shop.key("tokens"), "ann", scopes=["lists"])["token"]
    assert shop.as_user(token, "GET", "/v1/recommendations/ann")[0] == 200
    assert shop.as_user(token, "GET", "/v1/users/ann/memories") == (403, "missing-scope")
    assert shop.as_user(token, "POST", "/v1/instructions", BAN) == (403, "missing-scope")


@pytest.mark.parametrize(
    "more", [{"scopes": ["admin"]}, {"scopes": []}, {"seconds": 0}, {"user_id": "@default"}, {"key": "x"}]
)
def test_a_token_cannot_be_asked_for_more(shop: Shop, more: dict[str, Any]) -> None:
    answer = shop.ask(shop.key("tokens"), "POST", "/v1/tokens", {"user_id": "ann"} | more)
    assert answer.status_code == 400
    assert "token" not in answer.json()


def test_a_token_lives_no_longer_than_the_settings_say(shop: Shop) -> None:
    key = shop.key("tokens")
    short, long = (shop.token_for(key, "ann", seconds=seconds) for seconds in (60, 1e9))
    assert [token["expires_at"] - shop.gateway.now for token in (short, long)] == [60.0, 900.0]
    shop.gateway.now += 60.0
    assert shop.as_user(short["token"], "GET", "/v1/recommendations/ann") == (401, "unauthorized")
    assert shop.as_user(long["token"], "GET", "/v1/recommendations/ann")[0] == 200
    shop.gateway.now += 840.0
    assert shop.as_user(long["token"], "GET", "/v1/recommendations/ann") == (401, "unauthorized")


def test_revoking_a_key_ends_the_tokens_that_it_issued(shop: Shop) -> None:
    key = shop.key("tokens")
    token = shop.token_for(key, "ann")["token"]
    key_id = key.split("_")[1]
    shop.keys[key_id] = replace(shop.keys[key_id], revoked_at=NOW)
    shop.store()
    assert shop.as_user(token, "GET", "/v1/recommendations/ann") == (401, "unauthorized")


def test_tokens_stay_valid_while_the_signing_key_is_rotated(shop: Shop) -> None:
    key = shop.key("tokens")
    before = shop.token_for(key, "ann")["token"]
    old = replace(SIGNING, expires_at=shop.gateway.now + 100.0)
    fresh = replace(new_signing_key(now=NOW + 1.0), id="0b0b0b0b")
    write_keys(shop.path, KeyFile(keys=tuple(shop.keys.values()), signing=(old, fresh)))
    shop.gateway.now += CHECK_SECONDS
    after = shop.token_for(key, "ann")["token"]
    assert [jwt.get_unverified_header(token)["kid"] for token in (before, after)] == ["0a0a0a0a", "0b0b0b0b"]
    assert [shop.as_user(token, "GET", "/v1/recommendations/ann")[0] for token in (before, after)] == [200, 200]
    shop.gateway.now += 100.0
    assert [shop.as_user(token, "GET", "/v1/recommendations/ann")[0] for token in (before, after)] == [401, 200]


def forged(
    shop: Shop, *, algorithm: str | None = "HS256", secret: Any = None, kid: str = SIGNING.id, **more: Any
) -> str:
    now = shop.gateway.now
    payload = {
        "iss": "lifelong",
        "aud": "tests",
        "sub": "ann",
        "iat": now,
        "exp": now + 60,
        "key": "settings-0",
        "scope": "lists",
    }
    payload = {name: value for name, value in (payload | more).items() if value is not None}
    secret = bytes.fromhex(SIGNING.secret) if secret is None else secret
    return jwt.encode(payload, "" if algorithm is None else secret, algorithm=algorithm or "none", headers={"kid": kid})


def test_a_token_that_is_signed_right_is_accepted(shop: Shop) -> None:
    assert shop.as_user(forged(shop), "GET", "/v1/recommendations/ann")[0] == 200


FORGERIES: Sequence[dict[str, Any]] = (
    {"algorithm": None},
    {"algorithm": "HS384"},
    {"algorithm": "HS512"},
    {"secret": b"x" * 32},
    {"secret": SIGNING.secret.encode()},
    {"kid": "0c0c0c0c"},
    {"kid": ""},
    {"kid": "../../dev/null"},
    {"aud": "another-gateway"},
    {"aud": None},
    {"aud": []},
    {"iss": "someone"},
    {"iss": None},
    {"exp": None},
    {"exp": NOW - 10.0},
    {"exp": "9999999999"},
    {"exp": True},
    {"exp": NOW + 1e9},
    {"iat": None},
    {"iat": NOW + 1e6, "exp": NOW + 1e6 + 60},
    {"sub": None},
    {"sub": ""},
    {"sub": 7},
    {"key": None},
    {"key": "0000000000000000"},
    {"scope": None},
)


@pytest.mark.filterwarnings("ignore:The HMAC key:jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("how", FORGERIES, ids="-".join)
def test_a_forged_expired_or_foreign_token_is_refused(shop: Shop, how: dict[str, Any]) -> None:
    assert shop.as_user(forged(shop, **how), "GET", "/v1/recommendations/ann") == (401, "unauthorized")


@pytest.mark.parametrize("scope", ["admin", "ingest lists admin", "", "LISTS", "tokens"])
def test_a_token_never_has_a_scope_of_keys(shop: Shop, scope: str) -> None:
    token = forged(shop, scope=scope)
    assert shop.as_user(token, "GET", "/v1/keys")[0] in (401, 403)
    assert shop.as_user(token, "POST", "/v1/tokens", {"user_id": "ann"})[0] in (401, 403)
    assert shop.as_user(token, "POST", "/v1/interactions", CLICK)[0] in (401, 403)


def test_a_token_is_no_key_and_a_changed_one_is_refused(shop: Shop) -> None:
    token = shop.token_for(shop.key("tokens"), "ann")["token"]
    head, payload, signature = token.split(".")
    for wrong in (
        f"{head}.{payload}.",
        f"{head}.{payload}",
        f"{head}..{signature}",
        f"{head}.{payload}.{signature[::-1]}",
    ):
        assert shop.as_user(wrong, "GET", "/v1/recommendations/ann") == (401, "unauthorized")
    assert shop.ask(token, "GET", "/v1/recommendations/ann").status_code == 401


def test_a_tenant_issues_tokens_for_its_own_users_only(shop: Shop) -> None:
    key = shop.key("tokens", tenant="acme")
    assert shop.token_for(key, "globex:ann")["reason"] == "other-user"
    token = shop.token_for(key, "acme:ann")["token"]
    assert shop.as_user(token, "GET", "/v1/recommendations/acme:ann")[0] == 200
    assert shop.as_user(token, "GET", "/v1/recommendations/acme:bob") == (403, "other-user")


# Pages, and HEAD


@pytest.mark.parametrize(
    ("page", "path"),
    [("metrics", "/metrics"), ("docs", "/schema"), ("docs", "/schema/openapi.json"), ("docs", "/schema/page/page.js")],
)
def test_pages_can_be_closed(tmp_path: Path, page: str, path: str) -> None:
    for setting, expected in (("open", [200, 200, 200]), ("admin", [401, 403, 200]), ("off", [404, 404, 404])):
        for shop in opened(tmp_path, pages={page: setting}):
            keys = ("", shop.key("lists"), shop.key("admin"))
            assert [shop.ask(key, "GET", path).status_code for key in keys] == expected
            assert shop.gateway.client.get("/health/live").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/v1/recommendations/ann",
        "/v1/keys",
        "/health/live",
        "/health/ready",
        "/metrics",
        "/schema",
        "/v1/items/i1/similar",
    ],
)
def test_head_is_answered_like_get_without_a_body(shop: Shop, path: str) -> None:
    got, head = (shop.ask(KEY, method, path) for method in ("GET", "HEAD"))
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["Content-Type"] == got.headers["Content-Type"]
    assert "Content-Length" in head.headers


def test_head_needs_the_same_key(shop: Shop) -> None:
    assert shop.ask("wrong", "HEAD", "/v1/recommendations/ann").status_code == 401
    assert shop.ask(shop.key("ingest"), "HEAD", "/v1/recommendations/ann").status_code == 403
    assert shop.ask(KEY, "HEAD", "/v1/interactions").status_code == 405
