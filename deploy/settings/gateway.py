"""Settings of the HTTP gateway."""

from __future__ import annotations

from pydantic import Field, SecretStr

from deploy.settings.section import SettingsSection


class GatewaySettings(SettingsSection):
    """The HTTP gateway. If ``api_keys`` is empty, ``lifelong up`` generates a key and ``lifelong status`` shows it.

    A POST that Kafka does not acknowledge within ``post_timeout_seconds`` is answered with 503. On SIGTERM,
    ``/health/ready`` answers 503 for ``drain_seconds`` before connections are refused. Cached lists take ``cache_mb``
    at most. While more than ``backlog_max`` events wait for workers, more are answered with 429; 0 sets no bound.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    api_keys: tuple[SecretStr, ...] = ()
    post_timeout_seconds: float = Field(default=5.0, gt=0)
    drain_seconds: float = Field(default=1.0, ge=0)
    backlog_max: int = Field(default=200_000, ge=0)
    body_mb: float = Field(default=5.0, gt=0)
    cache_mb: float = Field(default=512.0, gt=0)
