"""The certificate of an embedded Flink cluster: only this user reads its key, and only who has it is answered."""

from __future__ import annotations

import stat
from pathlib import Path

from deploy.embedded.choices import StackChoices
from deploy.embedded.flink import configuration
from deploy.embedded.layout import DataLayout
from deploy.embedded.server import Site
from deploy.flink.keys import files_in, make_keys, store_options, write_stores
from deploy.settings import EmbeddedSettings

PORTS = ("jobmanager_rest", "jobmanager_rpc", "jobmanager_blob", "taskmanager_rpc", "taskmanager_data")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_owner_reads_the_key(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    make_keys(keys)
    assert mode(keys) == 0o700
    write_stores(files_in(keys), keys, "hush")
    assert {mode(path) for path in keys.iterdir()} == {0o600}


def test_a_certificate_that_exists_is_kept(tmp_path: Path) -> None:
    make_keys(tmp_path / "keys")
    first = (tmp_path / "keys" / "key.pem").read_bytes()
    make_keys(tmp_path / "keys")
    assert (tmp_path / "keys" / "key.pem").read_bytes() == first


def test_a_client_without_a_certificate_believes_the_authority_and_shows_none(tmp_path: Path) -> None:
    options = store_options("rest", tmp_path, "hush")
    assert options["security.ssl.rest.authentication-enabled"] == "false"
    assert "security.ssl.rest.keystore" not in options


def test_every_interface_of_flink_is_on_loopback_and_asks_for_the_certificate(tmp_path: Path) -> None:
    make_keys(tmp_path / "keys")
    write_stores(files_in(tmp_path / "keys"), tmp_path, "hush")
    chosen = StackChoices(dict.fromkeys(PORTS, 1), {"flink": "hush"})
    site = Site(DataLayout.of(tmp_path, tmp_path), chosen, EmbeddedSettings(), tmp_path)
    lines = dict(line.split(": ", 1) for line in configuration(site, tmp_path).splitlines())
    assert {lines[name] for name in lines if name.endswith(("bind-host", "bind-address"))} == {"127.0.0.1"}
    on = ("rest.enabled", "rest.authentication-enabled", "internal.enabled")
    assert {lines[f"security.ssl.{name}"] for name in on} == {"true"}
