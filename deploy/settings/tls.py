"""Checks of the settings of TLS, which would otherwise leave a connection without it, or fail only when it opens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.settings.servers import FlinkSettings, KafkaSettings, MilvusSettings, RedisSettings, TritonSettings

if TYPE_CHECKING:
    from deploy.settings.model import Settings

TLS_FILES = ("ssl_certificate_location", "ssl_key_location", "ssl_ca_location")
Server = KafkaSettings | RedisSettings | MilvusSettings | TritonSettings | FlinkSettings


def unfit_tls(settings: Settings) -> str:
    """Explain a file that is not there, half of a client's certificate, or files of a server that is reached without
    TLS; empty if there is none of these.
    """
    for name, server, secure, how in _servers(settings):
        problem = _unfit_file(server) or _unfit_pair(server) or _unused(server, secure, how)
        if problem:
            return f"setting {name}.{problem}"
    kafka, milvus, gateway = settings.kafka, settings.milvus, settings.gateway
    if kafka.ssl_key_password.get_secret_value() and not kafka.ssl_key_location:
        return "setting kafka.ssl_key_password: there is no kafka.ssl_key_location that it would open"
    if (gateway.ssl_key_location or gateway.ssl_ca_location) and not gateway.ssl_certificate_location:
        return "settings gateway.ssl_key_location and ssl_ca_location take a gateway.ssl_certificate_location"
    if milvus.ssl_certificate_location and not milvus.ssl_ca_location:
        return "setting milvus.ssl_ca_location = '': Milvus's client sends no certificate without it"
    if settings.flink.ssl and not settings.flink.ssl_ca_location:
        return "setting flink.ssl_ca_location = '': Flink's client believes no authority without it"
    return ""


def _servers(settings: Settings) -> Iterator[tuple[str, Server, bool, str]]:
    """Yield the name of each server's section, its settings, whether it is reached by TLS, and what would make it so.

    An empty address is that of the embedded server, which comes later.
    """
    kafka, redis, milvus, triton = settings.kafka, settings.redis, settings.milvus, settings.triton
    yield "kafka", kafka, kafka.security_protocol.endswith("SSL"), "security_protocol SSL or SASL_SSL"
    yield "redis", redis, redis.url.get_secret_value().startswith("rediss://"), "a rediss:// URL"
    yield "milvus", milvus, milvus.uri.startswith("https://"), "an https:// URI"
    yield "triton", triton, triton.ssl, "ssl = true"
    yield "flink", settings.flink, settings.flink.ssl, "ssl = true"


def _unfit_file(server: Server) -> str:
    for name in TLS_FILES:
        path = getattr(server, name)
        if path and not Path(path).is_file():
            return f"{name} = {path!r}: there is no such file"
    return ""


def _unfit_pair(server: Server) -> str:
    if bool(server.ssl_certificate_location) == bool(server.ssl_key_location):
        return ""
    return f"ssl_key_location = {server.ssl_key_location!r}: a certificate and its key go together"


def _unused(server: Server, secure: bool, how: str) -> str:
    for name in TLS_FILES:
        if getattr(server, name) and not secure:
            return f"{name} = {getattr(server, name)!r}: the connection would not use TLS; it takes {how}"
    return ""
