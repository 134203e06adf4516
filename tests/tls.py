"""Certificates of authorities that exist for a test, and TLS before a server that has none."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

LONG_AGO = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC))


@dataclass(frozen=True)
class Pair:
    """A certificate with its chain, and its key: files in PEM."""

    certificate: Path
    key: Path

    @property
    def both(self) -> str:
        """Return key and certificate in one text."""
        return self.key.read_text() + self.certificate.read_text()


@dataclass(frozen=True)
class Certificates:
    """Files of a made-up authority, and of another one that issued nothing."""

    authority: Path
    stranger: Path
    valid: Pair
    expired: Pair
    misnamed: Pair
    client: Pair


def issue(folder: Path) -> Certificates:
    """Make the authorities and write the files of all certificates into a folder."""
    authority, stranger = trustme.CA(), trustme.CA()
    here = ("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    stranger.cert_pem.write_to_path(str(folder / "stranger.pem"))
    return Certificates(
        authority=folder / "authority.pem",
        stranger=folder / "stranger.pem",
        valid=_write(folder, "valid", authority.issue_cert(*here)),
        expired=_write(folder, "expired", authority.issue_cert(*here, not_before=LONG_AGO[0], not_after=LONG_AGO[1])),
        misnamed=_write(folder, "misnamed", authority.issue_cert("elsewhere.example")),
        client=_write(folder, "client", authority.issue_cert("lifelong.example")),
    )


def _write(folder: Path, name: str, leaf: trustme.LeafCert) -> Pair:
    pair = Pair(folder / f"{name}.pem", folder / f"{name}-key.pem")
    pair.certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    # Kafka reads keys in PKCS #8 alone.
    key = load_pem_private_key(leaf.private_key_pem.bytes(), None)
    pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return pair


@contextmanager
def terminated(address: str, pair: Pair, *, clients: Path | None = None) -> Iterator[int]:
    """Yield a port on loopback that serves TLS and passes what comes on to a plain server at ``host:port``.

    With ``clients`` it asks each client for a certificate of that authority.
    """
    words = [address, str(pair.certificate), str(pair.key), *([str(clients)] if clients else [])]
    command = [sys.executable, "-m", "tests.tls_terminator", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()
