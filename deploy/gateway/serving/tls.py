"""TLS of the gateway. Certificate and key are read again when their files change; connections that are open stay."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

from deploy.settings import GatewaySettings, SettingsError
from deploy.settings.tls import TLS_FILES

logger = logging.getLogger(__name__)
NO_PASSWORD = ""
"""An encrypted key is refused; without a password OpenSSL would ask the terminal for one."""


class ServerCertificate:
    """The certificate with which the gateway proves who it is, and the authority that clients must prove themselves by.

    Raises:
        SettingsError: a file is missing or does not hold what it should; the message names the settings.
    """

    def __init__(self, settings: GatewaySettings) -> None:
        self._certificate = Path(settings.ssl_certificate_location)
        self._key = Path(settings.ssl_key_location or settings.ssl_certificate_location)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_alpn_protocols(["http/1.1"])
        self._versions = self._read_versions()
        try:
            self._load()
            if settings.ssl_ca_location:
                self.context.load_verify_locations(settings.ssl_ca_location)
                self.context.verify_mode = ssl.CERT_REQUIRED
        except (OSError, ssl.SSLError) as exc:
            names = ", ".join(f"{name} = {getattr(settings, name)!r}" for name in TLS_FILES)
            raise SettingsError(
                f"settings gateway.{names}: {exc}; name PEM files of a certificate and its key"
            ) from exc

    def refresh(self) -> None:
        """Read the files again if they have changed. While they do not fit together, the old ones stay in use."""
        versions = self._read_versions()
        if versions == self._versions:
            return
        self._versions = versions
        try:
            # A key that does not fit would leave the context half changed, so it is tried on another one first.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self._certificate, self._key, NO_PASSWORD)
            self._load()
        except (OSError, ssl.SSLError) as exc:
            logger.error("the certificate stays as it was: %s", exc)
        else:
            logger.info("the certificate was read again")

    def _load(self) -> None:
        self.context.load_cert_chain(self._certificate, self._key, NO_PASSWORD)

    def _read_versions(self) -> tuple[tuple[int, int], ...]:
        return tuple(_version(path) for path in (self._certificate, self._key))


def make_certificate(settings: GatewaySettings) -> ServerCertificate | None:
    """Return the certificate that the settings name; none without one: then the gateway speaks plain HTTP.

    Raises:
        SettingsError: see `ServerCertificate`.
    """
    return ServerCertificate(settings) if settings.ssl_certificate_location else None


def _version(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_ino
