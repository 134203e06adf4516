"""The certificate by which Flink and its client know each other, as files in PEM and as Java reads them.

The embedded cluster and our own process share one certificate, which signs itself. Whoever has its key, which only this
user's files hold, belongs to the cluster; nobody else is answered on any of its ports.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from deploy.private_files import write_private
from schemas.tls import TlsFiles

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.x509 import Certificate

COMMON_NAME = "flink"
VALID = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
"""The certificate never leaves the machine; `lifelong` makes another where its directory is removed."""
KEY_BITS = 3_072
Side = Literal["rest", "internal"]
SIDES: tuple[Side, ...] = ("rest", "internal")


def files_in(directory: Path) -> TlsFiles:
    """Return where `make_keys` puts the files."""
    certificate = str(directory / "certificate.pem")
    return TlsFiles(authority=certificate, certificate=certificate, key=str(directory / "key.pem"))


def make_keys(directory: Path) -> None:
    """Make the certificate of a cluster on loopback, and its key: complete, or not at all.

    A directory that exists is left as it is.
    """
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    if directory.is_dir():
        return
    draft = directory.with_name(f"{directory.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True, mode=0o700)
    key = rsa.generate_private_key(public_exponent=65_537, key_size=KEY_BITS)
    files = files_in(draft)
    write_private(Path(files.certificate), _certificate(key).public_bytes(Encoding.PEM))
    write_private(Path(files.key), key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    draft.rename(directory)


def _certificate(key: RSAPrivateKey) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, COMMON_NAME)])
    here = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")])
    builder = x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(VALID[0])
    return builder.not_valid_after(VALID[1]).add_extension(here, critical=False).sign(key, SHA256())


def write_stores(tls: TlsFiles, directory: Path, password: str) -> None:
    """Write a client's or server's files into a private directory as Java's stores of keys and of authorities."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, load_pem_private_key, pkcs12

    sealed = BestAvailableEncryption(password.encode())
    authorities = x509.load_pem_x509_certificates(Path(tls.authority).read_bytes())
    trusted = [
        pkcs12.PKCS12Certificate(each, f"{COMMON_NAME}{number}".encode()) for number, each in enumerate(authorities)
    ]
    write_private(directory / "truststore.p12", pkcs12.serialize_java_truststore(trusted, sealed))
    if tls.certificate:
        own, *chain = x509.load_pem_x509_certificates(Path(tls.certificate).read_bytes())
        key = load_pem_private_key(Path(tls.key).read_bytes(), None)
        store = pkcs12.serialize_key_and_certificates(COMMON_NAME.encode(), key, own, chain, sealed)  # type: ignore[arg-type]
        write_private(directory / "keystore.p12", store)


def store_options(side: Side, directory: Path, password: str) -> Mapping[str, str]:
    """Return Flink's options of TLS with the stores of `write_stores`, where both sides show a certificate: of its REST
    interface, or between its processes.
    """
    key_store = directory / "keystore.p12"
    options = {"enabled": "true", "truststore": str(directory / "truststore.p12"), "truststore-password": password}
    if key_store.is_file():
        options |= {"keystore": str(key_store), "keystore-password": password, "key-password": password}
    if side == "rest":
        options["authentication-enabled"] = str(key_store.is_file()).lower()
    return {f"security.ssl.{side}.{name}": value for name, value in options.items()}
