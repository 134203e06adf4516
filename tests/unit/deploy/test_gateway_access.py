"""Who may do what over HTTP: keys with scopes and tenants, their rotation, and pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from deploy.gateway.access.callers import Limits
from deploy.gateway.access.key_file import read_keys
from deploy.gateway.access.key_ring import CHECK_SECONDS, KeyRing
from deploy.gateway.access.keys import new_key, rotate
from deploy.gateway.access.scopes import ALL_SCOPES
from deploy.settings import SettingsError
from schemas.topics import INSTRUCTIONS, INTERACTIONS, ITEMS
from tests.unit.deploy.access_fixtures import CLICK, ROUTES, Shop, is_refused, opened
from tests.unit.deploy.gateway_fixtures import KEY, NOW

# Scopes


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    yield from opened(tmp_path)


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
    names = {
        "/item/i1": "/{kind}/{subject}",
        "/i1": "/{item_id}",
        "/ann": "/{user_id}",
        "/m1": "/{memory_id}",
        "/three%20wars": "/{name}",
    }
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


def test_a_tenant_lists_its_own_keys_only(shop: Shop) -> None:
    acme, whole = shop.key("admin", tenant="acme"), shop.key("admin")
    shop.key("lists", tenant="globex")
    tenants = [[entry["tenant"] for entry in shop.ask(key, "GET", "/v1/keys").json()] for key in (acme, whole)]
    assert tenants[0] == ["acme"]
    assert set(tenants[1]) == {"", "acme", "globex"}


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
