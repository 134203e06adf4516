"""Ports and passwords, chosen once per data directory and stored."""

from __future__ import annotations

import json
import random
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.private_files import write_private
from deploy.settings import SettingsError
from deploy.settings.ports import PORT_SETTINGS

PORT_NAMES = (
    "kafka",
    "kafka_controller",
    "redis",
    "milvus",
    "milvus_health",
    "milvus_proxy",
    "milvus_root_coord",
    "milvus_query_coord",
    "milvus_query_node",
    "milvus_index_node",
    "milvus_data_coord",
    "milvus_data_node",
    "milvus_etcd",
    "milvus_etcd_peer",
    "triton_metrics",
    *PORT_SETTINGS,
    "jobmanager_rest",
    "jobmanager_rpc",
    "jobmanager_blob",
    "taskmanager_rpc",
    "taskmanager_data",
    "taskmanager_metrics",
)
KAFKA_PRINCIPALS = (*PORT_SETTINGS, "operator", "connector", "application")
"""The processes of `deploy.acls`, each with a login of its own on the embedded broker."""


def kafka_secret(process: str) -> str:
    """Return the name of the secret that is a process's password on the embedded broker."""
    return f"kafka_{process}"


# "kafka" is the password of the broker and of the commands, which administer it.
SECRET_NAMES = ("kafka", *map(kafka_secret, KAFKA_PRINCIPALS), "redis", "milvus", "triton", "gateway", "flink")
# Below Linux's range for outgoing connections, so that a stopped server's port stays free.
LOWEST_PORT, HIGHEST_PORT = 20_000, 32_000


@dataclass(frozen=True)
class StackChoices:
    """Ports and secrets by name."""

    ports: Mapping[str, int]
    secrets: Mapping[str, str]


def is_free(port: int) -> bool:
    """Return whether nothing listens on ``port`` on any address of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
        return True


def chosen(
    stored: StackChoices, requested: Mapping[str, int], rng: random.Random, free: Callable[[int], bool] = is_free
) -> StackChoices:
    """Return ``stored`` completed: a requested port (not 0) wins, then the stored one, then a free one.

    >>> first = chosen(StackChoices({}, {}), {"redis": 6379}, random.Random(1), free=lambda port: True)
    >>> first.ports["redis"], chosen(first, {}, random.Random(2), free=lambda port: False) == first
    (6379, True)
    """
    ports = {name: port for name, port in stored.ports.items() if name in PORT_NAMES}
    ports |= {name: port for name, port in requested.items() if port}
    for name in PORT_NAMES:
        if name not in ports:
            ports[name] = _free_port(rng, free, used=set(ports.values()))
    keys = {name: stored.secrets.get(name) or secrets.token_hex(16) for name in SECRET_NAMES}
    return StackChoices(ports, keys)


def read(path: Path) -> StackChoices:
    """Return the stored choices; empty if there are none.

    Raises:
        SettingsError: the file holds something else.
    """
    if not path.is_file():
        return StackChoices({}, {})
    try:
        content = json.loads(path.read_text())
        return StackChoices(dict(content["ports"]), dict(content["secrets"]))
    except (ValueError, KeyError, TypeError) as exc:
        raise SettingsError(
            f"{str(path)!r} does not hold the chosen ports and passwords ({exc}); restore a copy, or remove it "
            "together with the data directory's servers to start over"
        ) from exc


def write(path: Path, choices: StackChoices) -> None:
    """Store ``choices``, readable by this user only."""
    write_private(path, json.dumps({"ports": dict(choices.ports), "secrets": dict(choices.secrets)}, indent=2))


def _free_port(rng: random.Random, free: Callable[[int], bool], used: set[int]) -> int:
    for _ in range(HIGHEST_PORT - LOWEST_PORT):
        port = rng.randrange(LOWEST_PORT, HIGHEST_PORT)
        if port not in used and free(port):
            return port
    raise OSError(
        f"no free port between {LOWEST_PORT} and {HIGHEST_PORT}; stop what uses them, or set the ports in [embedded]"
    )
