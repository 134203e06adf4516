"""`lifelong keys`: keys with scopes, made and ended without a restart of the gateway."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from deploy.cli.app import make_app
from deploy.cli.shown import NothingDone
from deploy.gateway.access.key_file import KEY_FILE, read_keys, write_keys
from deploy.gateway.access.key_ring import KeyRing
from deploy.gateway.access.wiring import make_access, make_key_ring
from deploy.settings import GatewaySettings, Settings, SettingsError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIFELONG_DATA_DIR", str(tmp_path))
    return tmp_path


def run(*words: str) -> Any:
    return CliRunner().invoke(make_app(), ["keys", *words], catch_exceptions=True)


def created(*words: str) -> dict[str, str]:
    answer: dict[str, str] = json.loads(run("create", *words, "--json").output)
    return answer


def ring_of(folder: Path) -> KeyRing:
    return make_key_ring(Settings(data_dir=folder))


def test_a_created_key_is_accepted_with_its_scopes_and_only_its_hash_is_stored(folder: Path) -> None:
    made = created("shop", "--scope", "lists", "--scope", "ingest", "--tenant", "acme", "--per-day", "5")
    caller = ring_of(folder).caller(made["key"])
    assert caller is not None
    assert (caller.application, caller.tenant, caller.scopes) == ("shop", "acme", {"lists", "ingest"})
    assert caller.limits.per_day == 5
    path = folder / KEY_FILE
    assert made["key"].split("_", 2)[2] not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_rotation_keeps_both_secrets_and_revoking_ends_them(folder: Path) -> None:
    made = created("shop", "--scope", "lists")
    rotated = json.loads(run("rotate", made["id"][:6], "--json").output)
    keys = (made["key"], rotated["key"])
    assert [ring_of(folder).caller(text) is not None for text in keys] == [True, True]
    assert run("revoke", made["id"]).exit_code == 0
    assert [ring_of(folder).caller(text) is not None for text in keys] == [False, False]
    assert isinstance(run("revoke", made["id"]).exception, NothingDone)
    assert isinstance(run("rotate", made["id"]).exception, NothingDone)


def test_an_expired_key_is_refused(folder: Path) -> None:
    made = created("shop", "--scope", "lists", "--days", "1")
    [key] = read_keys(folder / KEY_FILE).keys
    assert key.expires_at is not None
    assert key.expires_at - key.created_at == pytest.approx(86_400.0)
    ring = KeyRing((), folder / KEY_FILE, clock=lambda: key.created_at + 86_401.0, monotonic=lambda: 0.0)
    assert ring.caller(made["key"]) is None


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("shop", "--scope", "list"), "did you mean 'lists'"),
        (("Shop", "--scope", "lists"), "lower-case"),
        (("shop", "--scope", "lists", "--tenant", "a:b"), "lower-case"),
        (("shop",), "Missing option '--scope'"),
    ],
)
def test_a_wrong_word_is_named_and_nothing_is_made(folder: Path, words: tuple[str, ...], named: str) -> None:
    answer = run("create", *words)
    assert answer.exit_code == 2
    assert named in " ".join(answer.output.replace("│", " ").split())
    assert not (folder / KEY_FILE).exists()


def test_the_list_shows_states_and_no_secret(folder: Path) -> None:
    made = [created("shop", "--scope", "lists") for _ in range(2)]
    run("revoke", made[0]["id"])
    listed = json.loads(run("list", "--json").output)
    assert [(key["id"], key["state"]) for key in listed] == [(made[0]["id"], "revoked"), (made[1]["id"], "valid")]
    assert "sha256" not in json.dumps(listed)
    output = run("list").output
    assert all(key["id"] in output for key in made)


def test_a_list_without_keys_says_so(folder: Path) -> None:
    assert "No keys" in run("list").output
    assert json.loads(run("list", "--json").output) == []


def test_signing_keys_are_rotated_with_an_overlap(folder: Path) -> None:
    created("shop", "--scope", "tokens")
    first = read_keys(folder / KEY_FILE).signing
    run("rotate-signing")
    second = read_keys(folder / KEY_FILE).signing
    assert [key.id for key in second[:1]] == [key.id for key in first]
    assert second[0].expires_at is not None
    newest = ring_of(folder).newest_signing_key()
    assert newest is not None
    assert newest.id == second[1].id
    run("rotate-signing", "--overlap", "0")
    assert len(read_keys(folder / KEY_FILE).signing) == 1


def test_the_gateway_makes_a_signing_key_only_in_a_file_of_its_own(folder: Path) -> None:
    static = {"api_keys": ("a-key",)}
    assert make_key_ring(Settings(data_dir=folder, gateway=GatewaySettings(**static))).newest_signing_key() is not None
    shared = folder / "shared.json"
    settings = Settings(data_dir=folder, gateway=GatewaySettings(**static, keys_file=str(shared)))
    assert make_key_ring(settings).newest_signing_key() is None
    assert not shared.exists()


def test_an_audit_log_that_cannot_be_written_is_refused_at_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = Settings(data_dir=tmp_path / "file", gateway=GatewaySettings(api_keys=("a-key",), keys_file="none.json"))
    with pytest.raises(SettingsError, match=r"gateway\.audit = 'off'"):
        make_access(settings)
    silent = settings.gateway.model_copy(update={"audit": "off"})
    assert make_access(settings.model_copy(update={"gateway": silent})).audit is None


def test_a_damaged_file_is_not_overwritten(folder: Path) -> None:
    created("shop", "--scope", "lists")
    (folder / KEY_FILE).write_text("{")
    answer = run("create", "shop", "--scope", "lists")
    assert "does not hold keys" in str(answer.exception)
    assert (folder / KEY_FILE).read_text() == "{"


def test_one_of_many_keys_is_found(folder: Path) -> None:
    made = created("shop", "--scope", "lists")
    content = read_keys(folder / KEY_FILE)
    [key] = content.keys

    others = tuple(replace(key, id=f"{number:016x}") for number in range(2_000))
    write_keys(folder / KEY_FILE, replace(content, keys=(*others, key)))
    caller = ring_of(folder).caller(made["key"])
    assert caller is not None
    assert caller.key == made["id"]
