"""Tokens of single users: what they permit, how long, and every way to forge one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jwt
import pytest
from msgspec.structs import replace

from deploy.gateway.access.key_file import KeyFile, write_keys
from deploy.gateway.access.key_ring import CHECK_SECONDS
from deploy.gateway.access.keys import new_signing_key
from tests.unit.deploy.access_fixtures import BAN, CLICK, ROUTES, SIGNING, Shop, is_refused, opened
from tests.unit.deploy.gateway_fixtures import NOW


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    yield from opened(tmp_path)


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
    assert refused == {"interactions", "items", "withdrawal", "occasions", "erase", "token", "keys"}


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
