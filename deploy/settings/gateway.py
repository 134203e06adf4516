"""Settings of the HTTP gateway."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from deploy.settings.section import SettingsSection


def _origin(text: str) -> str:
    """Return an origin (RFC 6454): scheme, host and, where it is not the usual one, port.

    >>> _origin("https://shop.example.com")
    'https://shop.example.com'
    """
    if not re.fullmatch(r"https?://[a-z0-9.\-\[\]:]+(?<!:)", text):
        raise ValueError("an origin has scheme and host alone, such as 'https://shop.example.com', and is no wildcard")
    return text


class GatewaySettings(SettingsSection):
    """The HTTP gateway. If ``api_keys`` is empty, ``lifelong up`` generates a key and ``lifelong status`` shows it.

    Keys of ``api_keys`` have every scope. ``lifelong keys`` keeps others, with scopes, in ``keys_file`` (empty:
    ``gateway-keys.json`` in the data directory), which is read again when it changes. ``requests_per_second`` and
    ``values_per_day`` limit keys that have no limits of their own, ``user_requests_per_second`` each user with a token;
    0 sets none. A user's token lives for ``token_seconds`` at most, and is for gateways of ``token_audience``.

    ``audit`` "people" leaves requests for lists out of the audit log, of which ``audit_files`` of ``audit_mb`` are
    kept. ``metrics`` and ``docs`` say who may read ``/metrics`` and the OpenAPI page: everybody, keys with the scope
    admin, or nobody.

    A POST that Kafka does not acknowledge within ``post_timeout_seconds`` is answered with 503. On SIGTERM,
    ``/health/ready`` answers 503 for ``drain_seconds`` before connections are refused. Cached lists take ``cache_mb``
    at most. While more than ``backlog_max`` events wait for workers, more are answered with 429; 0 sets no bound.

    A request's headers may take ``header_kb``. A connection is closed if they take longer than ``header_seconds``, or
    its body, or the reading of its answer, longer than ``body_seconds``, or if it is idle for ``idle_seconds``. When
    ``connections_max`` are open, or ``connections_per_client`` of one address, the one that has waited longest for a
    request gives way. All bodies that are being received take ``bodies_mb`` at most. ``trusted_proxies`` are addresses
    whose ``X-Forwarded-For`` names the client.

    With ``ssl_certificate_location`` and ``ssl_key_location`` (PEM files, read again when they change) the gateway
    speaks HTTPS alone; with ``ssl_ca_location``, only with clients whose certificate that authority signed.

    Pages of ``cors_origins`` (such as "https://shop.example.com"; none by default) may read answers in a browser.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    api_keys: tuple[SecretStr, ...] = ()
    keys_file: str = ""
    requests_per_second: float = Field(default=0.0, ge=0)
    values_per_day: int = Field(default=0, ge=0)
    user_requests_per_second: float = Field(default=20.0, ge=0)
    token_seconds: float = Field(default=900.0, ge=1, le=86_400)
    token_audience: str = Field(default="lifelong-gateway", min_length=1)
    audit: Literal["off", "people", "all"] = "all"
    audit_mb: float = Field(default=100.0, ge=0.01)
    audit_files: int = Field(default=10, ge=2)
    metrics: Literal["open", "admin", "off"] = "open"
    docs: Literal["open", "admin", "off"] = "open"
    post_timeout_seconds: float = Field(default=5.0, gt=0)
    drain_seconds: float = Field(default=1.0, ge=0)
    backlog_max: int = Field(default=200_000, ge=0)
    body_mb: float = Field(default=5.0, gt=0)
    bodies_mb: float = Field(default=256.0, gt=0)
    cache_mb: float = Field(default=512.0, gt=0)
    header_kb: float = Field(default=32.0, ge=1)
    header_seconds: float = Field(default=10.0, gt=0)
    body_seconds: float = Field(default=30.0, gt=0)
    idle_seconds: float = Field(default=5.0, gt=0)
    connections_max: int = Field(default=4_000, ge=1)
    connections_per_client: int = Field(default=1_000, ge=1)
    trusted_proxies: tuple[str, ...] = ()
    cors_origins: tuple[Annotated[str, AfterValidator(_origin)], ...] = ()
    ssl_certificate_location: str = ""
    ssl_key_location: str = ""
    ssl_ca_location: str = ""

    @property
    def url(self) -> str:
        """Return the address of the gateway as its clients name it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.ssl_certificate_location else 'http'}://{host}:{self.port}"
