"""HTTPS of the gateway, with a made-up authority: wrong and expired certificates are refused, on both sides."""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from deploy.embedded.programs import OWN_PROCESSES
from deploy.gateway.serving.tls import make_certificate
from deploy.settings import GatewaySettings, Settings, SettingsError
from deploy.settings.tls import unfit_tls
from tests.unit.deploy.gateway_fixtures import KEY, eventually
from tests.unit.deploy.served_gateway import Served, is_closed, served

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def https(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Path]]:
    folder = tmp_path_factory.mktemp("tls")
    store(folder, authority.issue_cert("127.0.0.1", "localhost"))
    with served(**names(folder), header_seconds=1.0) as running:
        yield running, folder


def store(folder: Path, certificate: trustme.LeafCert) -> None:
    """Write certificate and key, each in one step, as a rotation does."""
    for name, blobs in (("cert.pem", certificate.cert_chain_pems), ("key.pem", [certificate.private_key_pem])):
        fresh = folder / f"{name}.new"
        fresh.write_bytes(b"".join(blob.bytes() for blob in blobs))
        fresh.replace(folder / name)


def names(folder: Path) -> dict[str, str]:
    return {"ssl_certificate_location": str(folder / "cert.pem"), "ssl_key_location": str(folder / "key.pem")}


def client(port: int, *authorities: trustme.CA, own: trustme.LeafCert | None = None, **more: str) -> httpx.Client:
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    for authority in authorities:
        authority.configure_trust(context)
    if own is not None:
        own.configure_cert(context)
    url = f"https://{more.get('host', '127.0.0.1')}:{port}"
    return httpx.Client(base_url=url, headers={"X-API-Key": KEY}, verify=context, trust_env=False, timeout=10)


def get(connected: httpx.Client) -> httpx.Response:
    with connected:
        return connected.get("/v1/recommendations/ann")


def test_a_client_that_trusts_the_authority_is_served(https: tuple[Served, Path], authority: trustme.CA) -> None:
    running, _ = https
    assert get(client(running.port, authority)).status_code == 200
    assert get(client(running.port, authority, host="localhost")).status_code == 200


def test_a_client_of_another_authority_refuses_the_gateway(https: tuple[Served, Path]) -> None:
    running, _ = https
    for trusted in ((), (trustme.CA(),)):
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            get(client(running.port, *trusted))


def test_plain_http_is_not_answered(https: tuple[Served, Path]) -> None:
    running, _ = https
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{running.port}/health/live", trust_env=False)


def test_old_versions_of_tls_are_refused(https: tuple[Served, Path], authority: trustme.CA) -> None:
    running, _ = https
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", running.port)) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_half_open_handshakes_end(https: tuple[Served, Path]) -> None:
    running, _ = https
    began = time.monotonic()
    attack = [running.connect(b"\x16\x03\x01") for _ in range(100)]
    assert all(is_closed(connection) for connection in attack)
    assert time.monotonic() - began < 8
    for connection in attack:
        connection.close()


def test_a_rotated_certificate_is_served_without_a_restart(
    https: tuple[Served, Path], authority: trustme.CA, caplog: pytest.LogCaptureFixture
) -> None:
    running, folder = https
    other = trustme.CA()
    store(folder, other.issue_cert("127.0.0.1"))

    def is_served() -> bool:
        try:
            return get(client(running.port, other)).status_code == 200
        except httpx.ConnectError:
            return False

    for _ in range(100):
        if is_served():
            break
    assert is_served()
    (folder / "key.pem").write_bytes(trustme.CA().issue_cert("x").private_key_pem.bytes())
    time_changed(folder / "key.pem")
    eventually(lambda: "the certificate stays as it was" in caplog.text)
    assert is_served()
    store(folder, authority.issue_cert("127.0.0.1", "localhost"))
    eventually(lambda: _served_by(running, authority))


def time_changed(path: Path) -> None:
    later = path.stat().st_mtime_ns + 1_000_000_000
    os.utime(path, ns=(later, later))


def _served_by(running: Served, authority: trustme.CA) -> bool:
    try:
        return get(client(running.port, authority)).status_code == 200
    except httpx.ConnectError:
        return False


def test_an_expired_certificate_of_the_gateway_is_refused_by_its_clients(authority: trustme.CA, tmp_path: Path) -> None:
    store(tmp_path, authority.issue_cert("127.0.0.1", not_after=LONG_AGO))
    with served(**names(tmp_path)) as running, pytest.raises(httpx.ConnectError, match="expired"):
        get(client(running.port, authority))


def test_with_an_authority_for_clients_only_their_valid_certificates_are_accepted(
    authority: trustme.CA, tmp_path: Path
) -> None:
    store(tmp_path, authority.issue_cert("127.0.0.1"))
    clients, others = trustme.CA(), trustme.CA()
    clients.cert_pem.write_to_path(str(tmp_path / "clients.pem"))
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    with served(**names(tmp_path), ssl_ca_location=str(tmp_path / "clients.pem")) as running:
        assert get(client(running.port, authority, own=clients.issue_cert("shop"))).status_code == 200
        assert (
            get(client(running.port, authority, own=clients.issue_cert("shop", not_after=tomorrow))).status_code == 200
        )
        for wrong in (None, others.issue_cert("shop"), clients.issue_cert("shop", not_after=LONG_AGO)):
            with pytest.raises(httpx.TransportError):
                get(client(running.port, authority, own=wrong))


@pytest.mark.parametrize(
    "wrong",
    [{"ssl_certificate_location": "absent.pem"}, {"ssl_key_location": "absent.pem"}, {"ssl_ca_location": "absent.pem"}],
)
def test_files_that_cannot_be_used_are_named_at_start(
    authority: trustme.CA, tmp_path: Path, wrong: dict[str, str]
) -> None:
    store(tmp_path, authority.issue_cert("127.0.0.1"))
    settings = GatewaySettings(**{**names(tmp_path), **wrong})
    with pytest.raises(SettingsError, match=r"gateway\.ssl_certificate_location = .*absent\.pem"):
        make_certificate(settings)
    assert "take a gateway.ssl_certificate_location" in unfit_tls(
        Settings(gateway=GatewaySettings(ssl_key_location="key.pem"))
    )


@pytest.mark.parametrize("is_encrypted", [False, True])
def test_a_key_that_does_not_fit_or_is_encrypted_is_refused(
    authority: trustme.CA, tmp_path: Path, is_encrypted: bool
) -> None:
    own = authority.issue_cert("127.0.0.1")
    store(tmp_path, own)
    key = (own if is_encrypted else trustme.CA().issue_cert("x")).private_key_pem.bytes()
    if is_encrypted:
        how = BestAvailableEncryption(b"secret")
        key = load_pem_private_key(key, None).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)
    (tmp_path / "key.pem").write_bytes(key)
    with pytest.raises(SettingsError, match="PEM files of a certificate and its key"):
        make_certificate(GatewaySettings(**names(tmp_path)))


@pytest.mark.parametrize("asks_for_certificates", [False, True])
def test_the_stack_sees_that_a_gateway_with_a_certificate_is_healthy(
    authority: trustme.CA, tmp_path: Path, asks_for_certificates: bool
) -> None:
    store(tmp_path, authority.issue_cert("shop.example"))
    authority.cert_pem.write_to_path(str(tmp_path / "clients.pem"))
    files = names(tmp_path) | ({"ssl_ca_location": str(tmp_path / "clients.pem")} if asks_for_certificates else {})
    gateway = GatewaySettings(**files)
    [own] = [each.under(Settings(gateway=gateway)) for each in OWN_PROCESSES if each.name == "gateway"]
    with served(**files) as running:
        assert own.problem(running.port) == ""
        assert own.url(running.port) == f"https://127.0.0.1:{running.port}"
    assert "refused" in own.problem(running.port)
